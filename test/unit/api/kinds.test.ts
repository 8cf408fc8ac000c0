import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OLD_VERSIONS, oldSchema } from '../../../src/api/conversion/old-versions.ts';
import { wholeSchema } from '../../../src/api/crd.ts';
import { KINDS } from '../../../src/api/kinds.ts';
import type { Schema } from '../../../src/api/schema.ts';

/** Every schema below one, with its path. */
function* below(path: string, schema: Schema): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {})) yield* below(`${path}.${name}`, property);
  if (schema.items) yield* below(`${path}[]`, schema.items);
  if (schema.additionalProperties) yield* below(`${path}.*`, schema.additionalProperties);
}

const SCHEMAS = KINDS.flatMap((kind): [string, Schema][] => {
  const v1 = wholeSchema(kind);
  const old = OLD_VERSIONS.get(kind.kind);
  return [[kind.kind, v1], ...(old ? [[`${kind.kind} ${old.version}`, oldSchema(v1, old)] as [string, Schema]] : [])];
});

for (const [kind, schema] of SCHEMAS) {
  const all = [...below('', schema)].filter(([path]) => path !== '.metadata');

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
