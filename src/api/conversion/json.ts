/** Any JSON. Numbers that JavaScript cannot hold exactly are `JSON.rawJSON` objects: see wire.ts. */
export type Json = unknown;
export type Fields = Readonly<Record<string, Json>>;
export type Path = readonly string[];

const { isRawJSON } = JSON as unknown as { isRawJSON(value: unknown): boolean };

/** A JSON object: not a list, not null, not a number kept as text. */
export function isFields(value: Json): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value);
}

/** What stands at a path; undefined where it leads nowhere. Inherited names, such as `__proto__`, are not there. */
export function at(value: Json, path: Path): Json {
  let found = value;
  for (const name of path) {
    if (!isFields(found) || !Object.hasOwn(found, name)) return undefined;
    found = found[name];
  }
  return found;
}

/** A copy with another value at a path; undefined takes it away. Where the path's parent is no object, nothing changes. */
export function put(value: Fields, path: Path, to: Json): Fields {
  const [name, ...below] = path;
  if (name === undefined) return value;
  if (below.length === 0) return to === undefined ? without(value, name) : { ...value, [name]: to };
  const child = at(value, [name]);
  return isFields(child) ? { ...value, [name]: put(child, below, to) } : value;
}

/** The same, but makes the objects that lead there where there are none. */
export function putDeep(value: Fields, path: Path, to: Json): Fields {
  const [name, ...below] = path;
  if (name === undefined || below.length === 0) return put(value, path, to);
  const child = Object.hasOwn(value, name) ? value[name] : {};
  return isFields(child) ? { ...value, [name]: putDeep(child, below, to) } : value;
}

function without(value: Fields, name: string): Fields {
  return Object.hasOwn(value, name) ? Object.fromEntries(Object.entries(value).filter(([key]) => key !== name)) : value;
}

/** Whether two values are the same JSON, whatever the order of names. */
export function same(one: Json, other: Json): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other) || isRawJSON(one) !== isRawJSON(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && same((one as Fields)[name], (other as Fields)[name]))
  );
}

/** A field that has another value, or (no second member) is not there. */
export type Change = readonly [path: Path, value?: Json];

/** What makes `to` of `from`. Lists are changed as a whole. */
export function changes(from: Json, to: Json, path: Path = []): Change[] {
  if (same(from, to)) return [];
  if (!isFields(from) || !isFields(to)) return [[path, to]];
  const gone = Object.keys(from).filter((name) => !Object.hasOwn(to, name));
  return [
    ...gone.map((name): Change => [[...path, name]]),
    ...Object.keys(to).flatMap((name) =>
      Object.hasOwn(from, name)
        ? changes(from[name], to[name], [...path, name])
        : [[[...path, name], to[name]] as const],
    ),
  ];
}

export function apply(value: Fields, list: readonly Change[]): Fields {
  return list.reduce((changed, [path, to]) => put(changed, path, to), value);
}
