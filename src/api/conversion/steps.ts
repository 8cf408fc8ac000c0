import type { Schema } from '../schema.ts';
import { at, type Fields, isFields, type Path, put, putDeep } from './json.ts';
import { edit, withField } from './schema-edit.ts';

/**
 * One difference between an old version of a kind and v1: how objects and the schema differ by it. That the schema comes
 * from the same place is what keeps the API server from dropping a field that the converter knows: it prunes, defaults
 * and validates in the version of the request, before it converts.
 */
export interface Step {
  /** Of the old version, from v1's. */
  schema(v1: Schema): Schema;
  toV1(old: Fields): Fields;
  fromV1(v1: Fields): Fields;
  /** What v1 has and the old version has not: may come back from an annotation. */
  readonly added?: { readonly path: Path };
}

const path = (text: string): Path => text.split('.');

/** A boolean that became a value of an enum. True wins over what stands beside it, false means nothing. */
export function flag(from: string, to: string, value: string): Step {
  const [old, now] = [path(from), path(to)];
  const field: Schema = { type: 'boolean', description: `Before 1.0; true is ${now.at(-1)} ${value}.` };
  return {
    schema: (v1) =>
      withField(
        edit(v1, now, ({ default: _, ...others }) => others),
        old,
        field,
      ),
    toV1: (object) => put(at(object, old) === true ? put(object, now, value) : object, old, undefined),
    fromV1: (object) => object,
  };
}

/** A field that has moved. Where both are there the new place counts, except that a true boolean wins. */
export function moved(from: string, to: string): Step {
  const [old, now] = [path(from), path(to)];
  return {
    schema: (v1) => {
      let field: Schema = { type: 'object' };
      const bare = edit(v1, now, (schema) => {
        field = withoutDefaults(schema);
        return field;
      });
      return withField(bare, old, { ...field, description: `Before 1.0; now ${now.slice(1).join('.')}.` });
    },
    toV1: (object) => {
      const value = at(object, old);
      const wins = value === true || (value !== undefined && at(object, now) === undefined);
      const placed = wins ? putDeep(object, now, value) : object;
      return at(placed, now) === undefined && value !== undefined ? object : put(placed, old, undefined);
    },
    fromV1: (object) => object,
  };
}

/** The values of an enum that are called otherwise. The old version takes v1's words too; the empty one is v1's first. */
export function renamed(where: string, words: Readonly<Record<string, string>>, empty?: string): Step {
  const place = path(where);
  const toNew = new Map([...Object.entries(words), ...(empty === undefined ? [] : [['', empty] as const])]);
  const toOld = new Map(Object.entries(words).map(([old, now]) => [now, old]));
  const translate = (object: Fields, dictionary: ReadonlyMap<unknown, string>) => {
    const word = dictionary.get(at(object, place));
    return word === undefined ? object : put(object, place, word);
  };
  return {
    schema: (v1) =>
      edit(v1, place, (schema) => ({
        ...schema,
        enum: [...new Set([...toNew.keys(), ...(schema.enum ?? [])])],
        ...(typeof schema.default === 'string' && { default: toOld.get(schema.default) ?? schema.default }),
      })),
    toV1: (object) => translate(object, toNew),
    fromV1: (object) => translate(object, toOld),
  };
}

/** A value that the old version calls otherwise too, but not as a rule: what is read back has v1's word. */
export function alsoCalled(where: string, old: string, now: string): Step {
  const { schema, toV1 } = renamed(where, { [old]: now });
  return { schema, toV1, fromV1: (object) => object };
}

/** A field that the old version has not. What v1 says by default need not be kept for the way back. */
export function added(where: string, value?: string): Step {
  const place = path(where);
  const parent = place.slice(0, -1);
  return {
    schema: (v1) => edit(v1, place, () => undefined),
    toV1: (object) =>
      value !== undefined && isFields(at(object, parent)) && at(object, place) === undefined
        ? put(object, place, value)
        : object,
    fromV1: (object) => put(object, place, undefined),
    added: { path: place },
  };
}

function withoutDefaults({ default: _, ...schema }: Schema): Schema {
  if (!schema.properties) return schema;
  const bare = Object.entries(schema.properties).map(([name, property]) => [name, withoutDefaults(property)] as const);
  return { ...schema, properties: Object.fromEntries(bare) };
}
