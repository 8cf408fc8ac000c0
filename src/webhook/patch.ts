/** An operation of RFC 6902. */
export type Operation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/**
 * What makes one value of another, field by field. Lists are compared by place, as long as they have the same length,
 * and what is shared is not looked into: a pod may hold megabytes that nobody has changed.
 */
export function patchOf(before: unknown, after: unknown, path = ''): Operation[] {
  if (before === after) return [];
  if (!isObject(before) || !isObject(after) || !alike(before, after)) return [{ op: 'replace', path, value: after }];
  const operations: Operation[] = [];
  for (const name of Object.keys(before)) {
    const where = `${path}/${escaped(name)}`;
    if (Object.hasOwn(after, name)) operations.push(...patchOf(before[name], after[name], where));
    else operations.push({ op: 'remove', path: where });
  }
  for (const name of Object.keys(after))
    if (!Object.hasOwn(before, name))
      operations.push({ op: 'add', path: `${path}/${escaped(name)}`, value: after[name] });
  return operations;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function alike(one: object, other: object): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return Array.isArray(one) === Array.isArray(other);
  return one.length === other.length;
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
