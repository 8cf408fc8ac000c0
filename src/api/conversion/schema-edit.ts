import type { Schema } from '../schema.ts';
import type { Path } from './json.ts';

/** A copy in which the schema at a path is another one; undefined takes the field away. */
export function edit(schema: Schema, path: Path, change: (schema: Schema) => Schema | undefined): Schema {
  const [name, ...below] = path;
  const child = name === undefined ? undefined : schema.properties?.[name];
  if (name === undefined || child === undefined) throw new Error(`no field ${path.join('.')} in the schema`);
  const changed = below.length === 0 ? change(child) : edit(child, below, change);
  const { [name]: _, ...others } = schema.properties ?? {};
  return { ...schema, properties: changed === undefined ? others : { ...schema.properties, [name]: changed } };
}

/** A copy with one more field. */
export function withField(schema: Schema, path: Path, field: Schema): Schema {
  const [name, ...below] = path;
  if (name === undefined) return field;
  if (below.length > 0) return edit(schema, [name], (child) => withField(child, below, field));
  return { ...schema, properties: { ...schema.properties, [name]: field } };
}

/** The schema at a path. */
export function schemaAt(schema: Schema, path: Path): Schema | undefined {
  return path.reduce<Schema | undefined>((found, name) => found?.properties?.[name], schema);
}
