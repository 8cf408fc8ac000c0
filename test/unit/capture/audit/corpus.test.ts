import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AuditEvent } from '../../../../src/capture/audit/event.ts';
import { Enricher } from '../../../../src/stream/enrich.ts';
import { parse } from './parse.ts';

const CORPUS = fileURLToPath(new URL('../../../corpus/', import.meta.url));
const NOBODY = { ownerOf: () => ({ container: undefined }) };

/** As the stream shows it, without the node. */
function shown(event: AuditEvent): object {
  const { node: _, ...rest } = new Enricher(NOBODY, { get: (id) => ({ id }) }, { node: '' }).enrich(event);
  return rest;
}

const inOrder = (a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b));

for (const name of readdirSync(CORPUS).filter((file) => file.endsWith('.log') && !file.startsWith('forged-'))) {
  const expectedFile = `${CORPUS}${name.replace('.log', '.expected.jsonl')}`;
  test(`real lines: ${name}`, () => {
    assert.ok(existsSync(expectedFile));
    const expected = readFileSync(expectedFile, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const { events, counts } = parse(readFileSync(`${CORPUS}${name}`));
    assert.deepEqual(events.map(shown).sort(inOrder), expected.sort(inOrder));
    assert.equal(counts.parsed, expected.length);
  });
}
