import type { LabelSelector } from './types.ts';

/** Whether labels are selected; or what is wrong with the selector. */
export type Selection = { readonly matches: boolean } | { readonly error: string };

type Labels = Readonly<Record<string, string>>;

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/**
 * `metav1.LabelSelector`: all conditions must hold, none at all selects everything. NotIn holds too where the label is
 * not there. It is refused as a whole where Kubernetes would refuse it, whatever the labels.
 */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels): Selection {
  if (selector === undefined) return { error: 'there is no selector' };
  const equal = Object.entries(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  for (const [key, value] of equal) {
    const error = wrongKey(key) ?? wrongValue(value);
    if (error !== undefined) return { error };
  }
  let matches = equal.every(([key, value]) => labelOf(labels, key) === value);
  for (const { key, operator, values = [] } of expressions) {
    const error = wrongKey(key) ?? wrongValues(operator, values) ?? values.map(wrongValue).find(Boolean);
    if (error !== undefined) return { error };
    matches &&= holds(operator, values, labelOf(labels, key));
  }
  return { matches };
}

function holds(operator: string, values: readonly string[], value: string | undefined): boolean {
  const listed = value !== undefined && values.includes(value);
  if (operator === 'In') return listed;
  if (operator === 'NotIn') return !listed;
  return (operator === 'Exists') === (value !== undefined);
}

/** Names such as `constructor` are labels like any other. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function wrongValues(operator: string, values: readonly string[]): string | undefined {
  if (operator === 'In' || operator === 'NotIn')
    return values.length === 0 ? `operator ${operator} needs values` : undefined;
  if (operator === 'Exists' || operator === 'DoesNotExist')
    return values.length > 0 ? `operator ${operator} takes no values` : undefined;
  return `${JSON.stringify(operator)} is no operator`;
}

function wrongKey(key: string): string | undefined {
  const [name = '', prefix, ...more] = key.split('/').toReversed();
  const good =
    name.length <= 63 &&
    NAME.test(name) &&
    more.length === 0 &&
    (prefix === undefined || (prefix.length <= 253 && PREFIX.test(prefix)));
  return good ? undefined : `${JSON.stringify(key)} is no name of a label`;
}

function wrongValue(value: string): string | undefined {
  return value === '' || (value.length <= 63 && NAME.test(value))
    ? undefined
    : `${JSON.stringify(value)} is no value of a label`;
}
