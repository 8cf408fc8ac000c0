import { readFileSync } from 'node:fs';
import { native } from './native.ts';

export interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
}

const HEADER = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+)/;

/** The mappings of files, code for the most part, of which this process has written to no page: proc(5), smaps. */
export function cleanMappings(smaps: string): Mapping[] {
  const found: Mapping[] = [];
  let candidate: Mapping | undefined;
  for (const line of smaps.split('\n')) {
    const [header, start, end, permissions = '', inode] = HEADER.exec(line) ?? [];
    if (header !== undefined) {
      const file = inode !== '0' && /^[^w]{3}p$/.test(permissions);
      candidate = file ? { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) } : undefined;
    } else if (candidate && /^Anonymous:\s+0 kB$/.test(line)) {
      found.push(candidate);
      candidate = undefined;
    }
  }
  return found;
}

/**
 * Takes out of this process what of its programs' files is in memory: two thirds of it are code and data that only starting
 * takes. What goes on comes back from the page cache as it is touched.
 * @throws what the addon throws.
 */
export function dropStartupPages(): void {
  for (const { start, end } of cleanMappings(readFileSync('/proc/self/smaps', 'utf8'))) native().unmapPages(start, end);
}
