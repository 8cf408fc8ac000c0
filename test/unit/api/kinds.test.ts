import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS } from '../../../src/api/kinds.ts';
import type { Schema } from '../../../src/api/schema.ts';

/** Every schema below one, with its path. */
function* below(path: string, schema: Schema): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {})) yield* below(`${path}.${name}`, property);
  if (schema.items) yield* below(`${path}[]`, schema.items);
  if (schema.additionalProperties) yield* below(`${path}.*`, schema.additionalProperties);
}

for (const { kind, spec, status } of KINDS) {
  const all = [...below('spec', spec), ...below('status', status)];

  test(`${kind}: each field says what it is, for kubectl explain`, () => {
    const silent = all.filter(([path, { description }]) => !/(\[\]|\.\*)$/.test(path) && !description);
    assert.deepEqual(
      silent.map(([path]) => path),
      [],
    );
  });

  test(`${kind}: each list says how two writers' entries are merged, and what it requires exists`, () => {
    for (const [path, schema] of all) {
      // Permissions by class, by type: the map is what is merged.
      if (schema.type === 'array' && !path.endsWith('.*')) assert.ok(schema['x-kubernetes-list-type'], path);
      for (const key of schema['x-kubernetes-list-map-keys'] ?? [])
        assert.ok(
          schema.items?.required?.includes(key) || schema.items?.properties?.[key]?.default !== undefined,
          path,
        );
      for (const name of schema.required ?? []) assert.ok(schema.properties?.[name], `${path}.${name}`);
    }
  });
}
