import fc from 'fast-check';
import type { Schema } from '../../../../src/api/schema.ts';

/** Values that a schema allows, as far as a converter can tell them apart. */
export function fromSchema(schema: Schema): fc.Arbitrary<unknown> {
  const value = plain(schema);
  return schema.nullable ? fc.option(value, { nil: null, freq: 4 }) : value;
}

function plain(schema: Schema): fc.Arbitrary<unknown> {
  switch (schema.type) {
    case 'string':
      if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern));
      return schema.enum ? fc.constantFrom(...schema.enum) : fc.constantFrom('', '.*', '30s', 'some', '__proto__');
    case 'integer':
      return fc.nat();
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(fromSchema(schema.items ?? {}), { maxLength: 3 });
    case 'object':
      return fields(schema);
    default:
      return fc.oneof(fc.string(), fc.record({ status: fc.constantFrom('Installed', 'Error') }, { requiredKeys: [] }));
  }
}

function fields({ properties, additionalProperties, required = [] }: Schema): fc.Arbitrary<unknown> {
  if (properties) {
    const all = Object.entries(properties).map(([name, property]) => [name, fromSchema(property)] as const);
    return fc.record(Object.fromEntries(all), { requiredKeys: [...required] });
  }
  if (additionalProperties) return fc.dictionary(fc.constantFrom('a', 'b'), fromSchema(additionalProperties));
  return fc.dictionary(fc.constantFrom('x', 'y'), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 });
}

const METADATA = fc.record(
  {
    name: fc.constant('x'),
    uid: fc.uuid(),
    labels: fc.dictionary(fc.constantFrom('l', 'm'), fc.string()),
    annotations: fc.dictionary(fc.constantFrom('a', 'b'), fc.string(), { minKeys: 1 }),
  },
  { requiredKeys: ['name'] },
);

/** Whole objects of a schema. */
export function objects(kind: string, apiVersion: string, schema: Schema): fc.Arbitrary<object> {
  const { apiVersion: _, kind: __, metadata: ___, ...properties } = schema.properties ?? {};
  const rest = fields({ ...schema, properties }) as fc.Arbitrary<object>;
  const json = (value: object): object => JSON.parse(JSON.stringify(value));
  return fc.tuple(rest, METADATA).map(([object, metadata]) => json({ apiVersion, kind, metadata, ...object }));
}
