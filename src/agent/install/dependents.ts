interface Based {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly baseProfileName?: string };
}

/** The profiles that have this one as a base, or as a base's base. */
export function dependents(name: string, profiles: Iterable<Based>): string[] {
  const users = Map.groupBy(
    [...profiles].filter(({ spec }) => spec.baseProfileName),
    ({ spec }) => spec.baseProfileName,
  );
  const found = new Set<string>();
  const next = [name];
  for (let base = next.pop(); base !== undefined; base = next.pop())
    for (const { metadata } of users.get(base) ?? [])
      if (metadata.name !== name && !found.has(metadata.name)) {
        found.add(metadata.name);
        next.push(metadata.name);
      }
  return [...found];
}
