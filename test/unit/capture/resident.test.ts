import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanMappings } from '../../../src/capture/resident.ts';

const mapping = (header: string, anonymous: number) =>
  `${header}\nSize:                 16 kB\nRss:                   8 kB\nAnonymous:      ${String(anonymous).padStart(8)} kB\nVmFlags: rd mr mw me`;

test('only private mappings of files that cannot be written, and were not, may be dropped', () => {
  const smaps = [
    mapping('00400000-00800000 r--p 00000000 fe:00 1234                       /usr/bin/node', 0),
    mapping('00800000-00a00000 r-xp 00400000 fe:00 1234                       /usr/bin/node with spaces', 0),
    mapping('00a00000-00b00000 r--p 00600000 fe:00 1234                       /usr/bin/node', 4),
    mapping('00b00000-00c00000 rw-p 00700000 fe:00 1234                       /usr/bin/node', 0),
    mapping('00c00000-00d00000 r--p 00000000 00:00 0', 0),
    mapping('00d00000-00e00000 r--s 00000000 00:0e 77                         anon_inode:bpf-map', 0),
    mapping('7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                  [vdso]', 0),
  ].join('\n');
  assert.deepEqual(cleanMappings(smaps), [
    { start: 0x400000n, end: 0x800000n },
    { start: 0x800000n, end: 0xa00000n },
  ]);
});
