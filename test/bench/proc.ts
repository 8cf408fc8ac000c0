/** What the kernel tells of running processes. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Where the image has what agent, operator and webhook run. */
const ENTRY = '/usr/lib/syscribe/dist/bundle/bin.mjs';
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The processes of a component that runs from the image: each replica has one. */
export function processesOf(component: string): number[] {
  const found = readdirSync('/proc').filter(
    (entry) => /^\d+$/.test(entry) && commandOf(entry).includes(`${ENTRY} ${component} `),
  );
  if (found.length === 0) throw new Error(`no ${component} runs`);
  return found.map(Number);
}

function commandOf(pid: string): string {
  try {
    return `${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')} `;
  } catch {
    return ''; // Gone in the meantime.
  }
}

/** Resident memory in kB: now, and the most that it ever was. */
export function memoryOf(pid: number): { readonly resident: number; readonly peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]);
  return { resident: field('VmRSS'), peak: field('VmHWM') };
}

/** Seconds of CPU, in user and kernel mode, of all threads so far. */
export function cpuOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
