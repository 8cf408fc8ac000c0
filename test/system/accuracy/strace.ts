import type { Abi } from '../../../src/kernel/abi.ts';
import { syscallName } from '../../../src/kernel/syscalls.ts';

/** The machine's own ABI. */
export const NATIVE = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const MODES: Readonly<Record<string, string>> = { '32 bit': 'i386', x32: 'x32', '64 bit': 'x86_64' };
const X32_BIT = 0x40000000;

/**
 * The calls in the output of `strace -f -n -o FILE --quiet=attach,exit`, as `abi:number`, x32's without its bit. The
 * first execve is not one: it is strace's own child that makes it.
 */
export function parseStrace(text: string): Set<string> {
  const lines = text.split('\n').flatMap((line) => splitLine(line) ?? []);
  const parents = parentsOf(lines);
  const modes = new Map<string, string>();
  const calls = new Set<string>();
  let first = true;
  for (const { pid, number, rest } of lines) {
    // A new process that goes on in its parent's mode is not announced.
    if (!modes.has(pid)) modes.set(pid, modes.get(parents.get(pid) ?? '') ?? NATIVE);
    const mode = MODES[/^\[ Process PID=\d+ runs in (.+) mode\. \]$/.exec(rest)?.[1] ?? ''];
    if (mode !== undefined) modes.set(pid, mode);
    // What is not a call bears the number of the last one: marks of mode, ends of calls, signals, ends of processes.
    if (/^(?:\[ |<\.\.\. |--- |\+\+\+ )/.test(rest)) continue;
    const isFirst = first;
    first = false;
    if (isFirst && rest.startsWith('execve(')) continue;
    calls.add(`${modes.get(pid)}:${modes.get(pid) === 'x32' ? number & ~X32_BIT : number}`);
  }
  return calls;
}

interface Line {
  readonly pid: string;
  readonly number: number;
  readonly rest: string;
}

function splitLine(line: string): Line | undefined {
  const groups = /^(?<pid>\d+) +\[ *(?<number>-?\d+|0x[0-9a-f]+)\] (?<rest>.*)$/.exec(line)?.groups;
  return groups && { pid: groups.pid ?? '', number: Number(groups.number), rest: groups.rest ?? '' };
}

/** Who made each process, by what the call that made it returned: that line often stands below the child's first. */
function parentsOf(lines: readonly Line[]): Map<string, string> {
  const parents = new Map<string, string>();
  for (const { pid, rest } of lines) {
    const child = /^(?:<\.\.\. )?(?:fork|vfork|clone|clone3)\b.* = (\d+)$/.exec(rest)?.[1];
    if (child !== undefined) parents.set(child, pid);
  }
  return parents;
}

export interface Comparison {
  /** Seen by every strace run and not by some recording. */
  readonly missing: string[];
  /** Seen by a recording and by no strace run. */
  readonly extra: string[];
  /** Seen by some strace runs only. */
  readonly sometimes: string[];
}

export function compare(traces: readonly Set<string>[], recordings: readonly Set<string>[]): Comparison {
  const everSeen = new Set(traces.flatMap((trace) => [...trace]));
  const always = [...everSeen].filter((call) => traces.every((trace) => trace.has(call)));
  const recorded = new Set(recordings.flatMap((recording) => [...recording]));
  return {
    missing: always.filter((call) => !recordings.every((recording) => recording.has(call))),
    extra: [...recorded].filter((call) => !everSeen.has(call)),
    sometimes: [...everSeen].filter((call) => !always.includes(call)),
  };
}

/** A call as people know it: its name, with the ABI where that is not the machine's own. */
export function callName(call: string): string {
  const [abi = '', nr = ''] = call.split(':');
  return `${syscallName(abi as Abi, Number(nr)) ?? nr}${abi === NATIVE ? '' : ` (${abi})`}`;
}
