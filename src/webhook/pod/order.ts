interface Aged {
  readonly metadata: { readonly name: string; readonly creationTimestamp?: string };
}

/** The oldest first: where two want the same of a container, a new one does not take it from one that was there. */
export function byAge(one: Aged, other: Aged): number {
  const key = ({ metadata }: Aged) => `${metadata.creationTimestamp ?? '~'} ${metadata.name}`;
  return key(one) < key(other) ? -1 : 1;
}
