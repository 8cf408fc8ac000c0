import { FILE_FACTS } from './facts/files.ts';
import { PROCESS_FACTS } from './facts/processes.ts';
import { RISKS } from './facts/risks.ts';
import { SYSTEM_FACTS } from './facts/system.ts';

const GROUPS = { ...FILE_FACTS, ...PROCESS_FACTS, ...SYSTEM_FACTS };

export interface SyscallFact {
  readonly group: string;
  /** A few words on what it is for. */
  readonly purpose: string;
  /** What allowing it risks; only where that matters. */
  readonly risk?: string;
}

function lines(text: string): [name: string, text: string][] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', ...rest] = line.trim().split(': ');
      return [name, rest.join(': ')];
    });
}

/** On 32-bit machines the call has a second form for what does not fit: wider times, then ids, then offsets. */
const WIDER = [
  [/_time64$/, '64-bit time'],
  [/(?<=time|timer|adj|settime|gettime)64$/, '64-bit time'],
  [/32$/, '32-bit ids'],
  [/64$/, '64-bit offsets'],
  [/_64$/, '64-bit offsets'],
] as const;

let known: ReadonlyMap<string, SyscallFact> | undefined;

function facts(): ReadonlyMap<string, SyscallFact> {
  const risks = new Map(lines(RISKS));
  const entries = Object.entries(GROUPS).flatMap(([group, text]) =>
    lines(text).map(([name, purpose]): [string, SyscallFact] => {
      const risk = risks.get(name);
      return [name, { group, purpose, ...(risk !== undefined && { risk }) }];
    }),
  );
  return new Map(entries);
}

/** What a call is for and what it risks; undefined for one that is not in the tables of x86 and ARM. */
export function syscallFact(name: string): SyscallFact | undefined {
  known ??= facts();
  const own = known.get(name);
  if (own) return own;
  for (const [suffix, what] of WIDER) {
    const narrow = suffix.test(name) ? known.get(name.replace(suffix, '')) : undefined;
    if (narrow) return { ...narrow, purpose: `${narrow.purpose} (${what})` };
  }
  return undefined;
}

/** The groups in the order in which they are shown. */
export const FACT_GROUPS: readonly string[] = Object.keys(GROUPS);

/** Names that have a risk told: for the test that they exist. */
export function riskyNames(): string[] {
  return lines(RISKS).map(([name]) => name);
}
