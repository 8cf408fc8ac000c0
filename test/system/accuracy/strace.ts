/** The machine's own ABI. */
export const NATIVE = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

/** The calls in the output of `strace -f -n -o FILE --quiet=attach,exit`, as `abi:number`; the first execve is not one. */
export function parseStrace(text: string): Set<string> {
  const calls = new Set<string>();
  const modes = new Map<string, string>();
  const names = { '32 bit': 'i386', x32: 'x32', '64 bit': 'x86_64' } as const;
  let first = true;
  for (const line of text.split('\n')) {
    const match = /^(?<pid>\d+) +\[ *(?<nr>-?\d+|0x[0-9a-f]+)\] (?<rest>.*)$/.exec(line)?.groups;
    if (!match) continue; // Signals, exits.
    const { pid = '', nr = '', rest = '' } = match;
    const mode = /^\[ Process PID=\d+ runs in (32 bit|x32|64 bit) mode\. \]$/.exec(rest)?.[1];
    if (mode) modes.set(pid, names[mode as keyof typeof names]);
    if (mode || rest.startsWith('<... ')) continue; // The end of a call that stands above.
    if (first && rest.startsWith('execve(')) {
      first = false;
      continue;
    }
    const abi = modes.get(pid) ?? NATIVE;
    const number = Number(nr);
    calls.add(`${abi}:${abi === 'x32' ? number & ~0x40000000 : number}`);
  }
  return calls;
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
