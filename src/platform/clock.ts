import { readFileSync } from 'node:fs';

/** Milliseconds since the epoch at which the boot clock (CLOCK_BOOTTIME) was 0, to the 10 ms that /proc/uptime gives. */
export function bootTime(): number {
  const seconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ', 1)[0]);
  return Date.now() - seconds * 1000;
}
