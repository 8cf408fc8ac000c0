/** A log of any length, made of real records: those of the corpus again and again, with other times, serials and processes. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { randomNumbers } from './stats.ts';

/** How many of a hundred events are of which log: what a node under profiles writes, and what else auditd writes there. */
const MIX = [
  { file: 'auditd-raw.log', keep: 'SECCOMP', weight: 60 },
  { file: 'selinux-enforcing.log', keep: 'AVC', weight: 15 },
  { file: 'apparmor.log', keep: 'AVC', weight: 15 },
  { file: 'auditd-raw.log', keep: '', weight: 10 },
] as const;
export const CONTAINERS = 2000;
const PROCESSES = 8;
export const FIRST_PID = 10_000;
const BLOCK = 1 << 20;
/** Milliseconds since the epoch of the first record; the records are 1 ms apart. */
export const BEGIN = Date.UTC(2026, 0, 1);

export function pidsOf(container: number): number[] {
  return Array.from({ length: PROCESSES }, (_, index) => FIRST_PID + container * PROCESSES + index);
}

/** Writes so many lines, or a few more: events are whole. The same in every run. */
export function writeLog(path: string, lines: number): void {
  const groups = MIX.flatMap(({ file, keep, weight }) => {
    const events = eventsOf(file).filter((event) =>
      keep ? event.includes(`type=${keep} `) : !/SECCOMP|AVC/.test(event),
    );
    return Array<string[]>(weight).fill(events);
  });
  const random = randomNumbers(1);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const log = openSync(path, 'wx');
  let text = '';
  for (let written = 0, serial = 1; written < lines; serial++) {
    const pid = FIRST_PID + Math.floor(random() * CONTAINERS * PROCESSES);
    const stamp = `audit(${((BEGIN + serial) / 1000).toFixed(3)}:${serial})`;
    const event = pick(pick(groups))
      .replaceAll(/audit\([\d.]+:\d+\)/g, stamp)
      .replaceAll(/ pid=\d+/g, ` pid=${pid}`);
    written += event.split('\n').length - 1;
    text += event;
    if (text.length < BLOCK) continue;
    writeSync(log, text);
    text = '';
  }
  writeSync(log, text);
  closeSync(log);
}

/** The events of a log, each with all its records. */
function eventsOf(file: string): string[] {
  const text = readFileSync(fileURLToPath(new URL(`../corpus/${file}`, import.meta.url)), 'utf8');
  const events = new Map<string, string>();
  for (const line of text.split('\n')) {
    const serial = /audit\(([\d.]+:\d+)\)/.exec(line)?.[1];
    if (serial !== undefined) events.set(serial, `${events.get(serial) ?? ''}${line}\n`);
  }
  return [...events.values()];
}
