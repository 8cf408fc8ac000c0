import { SyscribeError } from '../../platform/errors.ts';

const MAX_TERMS = 1000;

type Record = Readonly<{ [key: string]: unknown }>;

interface Rule {
  readonly keep: boolean;
  readonly keys: readonly string[];
  /** Empty: any value will do. */
  readonly values: readonly string[];
}

interface Term {
  readonly key: string;
  readonly values: readonly string[];
  readonly negated: boolean;
}

/** Which events are wanted. */
export interface Filter {
  /** SPO's rules by priority: the first that matches decides. */
  readonly rules: readonly Rule[];
  /** `key=value` terms: all have to hold. */
  readonly terms: readonly Term[];
}

/**
 * Reads what --filter was given: SPO's JSON array of rules (`priority`, `level`, `matchKeys`, `matchValues`), or
 * `key=value`, `key=value,other`, `key!=value`; a key may descend: `container.pod` or `container/pod`.
 * @throws SyscribeError ERR_USAGE that names what is wrong.
 */
export function parseFilter(texts: readonly string[]): Filter {
  const rules: (Rule & { priority: number })[] = [];
  const terms: Term[] = [];
  for (const text of texts)
    if (text.trimStart().startsWith('[')) rules.push(...parseRules(text));
    else terms.push(parseTerm(text));
  if (rules.length > MAX_TERMS || terms.length > MAX_TERMS) throw wrong(`more than ${MAX_TERMS} rules`);
  return { rules: rules.sort((a, b) => a.priority - b.priority), terms };
}

/** Whether an event is wanted, by any of the shapes that it is shown in: a key counts if one of them has it. */
export function accepts({ rules, terms }: Filter, ...records: readonly Record[]): boolean {
  for (const { key, values, negated } of terms) if (matches(key, values, records) === negated) return false;
  for (const { keep, keys, values } of rules) if (keys.some((key) => matches(key, values, records))) return keep;
  return true;
}

function matches(key: string, values: readonly string[], records: readonly Record[]): boolean {
  const path = key.split(/[/.]/);
  return records.some((record) => {
    const found = path.reduce<unknown>(field, record);
    if (found === undefined || found === null) return false;
    return values.length === 0 || (Array.isArray(found) ? found : [found]).some((one) => equalsAny(one, values));
  });
}

/** Only what the record itself says: every object inherits a `constructor`, every array has a `length`. */
function field(value: unknown, name: string): unknown {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord && Object.hasOwn(value, name) ? (value as Record)[name] : undefined;
}

function equalsAny(value: unknown, wanted: readonly string[]): boolean {
  const text = String(value);
  return wanted.some(
    (one) => one === text || (typeof value === 'number' && /^[+-]?\d+$/.test(one) && Number(one) === value),
  );
}

function parseTerm(text: string): Term {
  const match = /^([A-Za-z]\w*(?:[./]\w+)*)(!?=)(.*)$/s.exec(text);
  if (!match) throw wrong(`${JSON.stringify(text)} is neither key=value nor a JSON array`);
  const [, key = '', operator, values = ''] = match;
  return { key, negated: operator === '!=', values: values.split(',') };
}

function parseRules(text: string): (Rule & { priority: number })[] {
  let rules: unknown;
  try {
    rules = JSON.parse(text);
  } catch (cause) {
    throw wrong(`not JSON: ${(cause as Error).message}`);
  }
  if (!Array.isArray(rules)) throw wrong('not an array of rules');
  return rules.map((rule, index) => parseRule(rule, `rule ${index + 1}`));
}

/** Go reads names of fields whatever their case, so SPO's users write them as they like. */
function parseRule(rule: unknown, where: string): Rule & { priority: number } {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) throw wrong(`${where} is not an object`);
  const fields = new Map(Object.entries(rule).map(([name, value]) => [name.toLowerCase(), value]));
  for (const name of fields.keys())
    if (!['priority', 'level', 'matchkeys', 'matchvalues'].includes(name)) throw wrong(`${where} has a field ${name}`);
  const priority = fields.get('priority') ?? 0;
  if (!Number.isInteger(priority)) throw wrong(`${where}: priority is not a whole number`);
  const level = fields.get('level');
  if (level !== 'Metadata' && level !== 'None') throw wrong(`${where}: level is neither "Metadata" nor "None"`);
  return {
    priority: priority as number,
    keep: level === 'Metadata',
    keys: texts(fields.get('matchkeys'), `${where}: matchKeys`),
    values: texts(fields.get('matchvalues'), `${where}: matchValues`),
  };
}

function texts(value: unknown, where: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw wrong(`${where} is not an array of strings`);
  if (value.length > MAX_TERMS) throw wrong(`${where} has more than ${MAX_TERMS} entries`);
  return value;
}

function wrong(what: string): SyscribeError {
  return new SyscribeError('ERR_USAGE', `--filter: ${what}`, {
    remedy:
      'Give key=value (type=seccomp, container.namespace=prod,test, process.comm!=nginx), or SPO\'s rules: [{"priority":1,"level":"None","matchKeys":["syscallName"],"matchValues":["read"]}].',
  });
}
