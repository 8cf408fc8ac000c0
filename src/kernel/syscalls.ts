import type { Abi } from './abi.ts';
import { OTHER_NAMES, SYSCALL_TABLES } from './generated/syscalls.ts';

interface Table {
  readonly names: ReadonlyMap<number, string>;
  readonly numbers: ReadonlyMap<string, number>;
}

function unpack(runs: string): Table {
  const names = new Map<number, string>();
  const numbers = new Map<string, number>();
  let number = 0;
  for (const word of runs.split(' ')) {
    if (/^\d+$/.test(word)) {
      number = Number(word);
      continue;
    }
    names.set(number, word);
    numbers.set(word, number);
    number += 1;
  }
  return { names, numbers };
}

const tables = new Map<Abi, Table>();

function table(abi: Abi): Table {
  const known = tables.get(abi);
  if (known) return known;
  const made = unpack(SYSCALL_TABLES[abi]);
  tables.set(abi, made);
  return made;
}

export const ABIS = Object.keys(SYSCALL_TABLES) as readonly Abi[];

/** The name of a number, as the kernel and libseccomp call it; x32 numbers without bit 30. */
export function syscallName(abi: Abi, nr: number): string | undefined {
  return table(abi).names.get(nr);
}

export function syscallNumber(abi: Abi, name: string): number | undefined {
  return table(abi).numbers.get(name);
}

/** All names of an ABI, in the order of their numbers. */
export function syscallNames(abi: Abi): string[] {
  return [...table(abi).names.values()];
}

let others: ReadonlySet<string> | undefined;

/** Whether Linux has a call of this name on any architecture: profiles such as Docker's are written for several. */
export function isKnownSyscall(name: string): boolean {
  others ??= new Set(OTHER_NAMES.split(' '));
  return ABIS.some((abi) => table(abi).numbers.has(name)) || others.has(name);
}

/** The greatest number below arm's private ones. */
export function newestSyscall(abi: Abi): number {
  return Math.max(...[...table(abi).names.keys()].filter((nr) => nr < 0xf0000));
}
