import { isKnownSyscall } from '../kernel/syscalls.ts';
import { parseDocuments, type Value } from './document.ts';
import { ProfileError } from './error.ts';
import {
  ACTIONS,
  API_GROUP,
  ARCHITECTURES,
  FLAGS,
  type Form,
  KIND,
  OPERATORS,
  type Profile,
  RESOURCE_ARCHITECTURES,
  type SyscallArg,
  type SyscallRule,
} from './model.ts';

const MAX_RULES = 4096;
const MAX_NAMES = 4096;
const MAX_ERRNO = 4095n; // MAX_ERRNO of linux/err.h
const MAX_U64 = 2n ** 64n - 1n;
export interface ParsedProfile {
  readonly profile: Profile;
  readonly form: Form;
  /** `file:line:column: name` of each call that no supported architecture has. */
  readonly unknownNames: readonly string[];
}

/**
 * Reads a SeccompProfile custom resource (YAML or JSON, the one of this kind among several documents) or the JSON that
 * runc, Docker and Podman take.
 * @throws ProfileError with file, line and column of the first thing that is wrong.
 */
export function parseProfile(text: string, file: string): ParsedProfile {
  const documents = parseDocuments(text, file);
  const kinds = documents.map((document) => (document.isMap ? document.fields().get('kind') : undefined));
  const found = kinds.findIndex((kind) => kind?.text() === KIND);
  const unknownNames: string[] = [];
  const document = documents[found];
  if (document) return { profile: readCustomResource(document, unknownNames), form: 'custom-resource', unknownNames };
  const [kind] = kinds;
  if (kind) return kind.fail(`${JSON.stringify(kind.text())} is not ${KIND}`);
  const [only] = documents;
  if (!only || documents.length > 1) throw new ProfileError(`no document of kind ${KIND}`, file);
  return { profile: readRaw(only, unknownNames), form: 'raw', unknownNames };
}

type Fields = Map<string, Value>;

function optional<Result>(fields: Fields, name: string, read: (value: Value) => Result): Result | undefined {
  const value = fields.get(name);
  return value === undefined || value.isAbsent ? undefined : read(value);
}

function required(owner: Value, fields: Fields, name: string): Value {
  return fields.get(name) ?? owner.fail(`${name} is missing`);
}

function refuseOthers(fields: Fields, known: readonly string[]): void {
  for (const [name, value] of fields) if (!known.includes(name)) value.fail('no such field in a seccomp profile');
}

/** Puts only what is there into an object, as exactOptionalPropertyTypes wants. */
function defined<Type extends object>(object: Type): { [Key in keyof Type]: Exclude<Type[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

function readTexts(value: Value): Record<string, string> {
  return Object.fromEntries([...value.fields()].map(([key, text]) => [key, text.text()]));
}

function readCustomResource(document: Value, unknownNames: string[]): Profile {
  const fields = document.fields();
  const version = required(document, fields, 'apiVersion');
  if (!version.text().startsWith(`${API_GROUP}/`)) version.fail(`the group is not ${API_GROUP}`);
  const metadata = optional(fields, 'metadata', (value) => value.fields()) ?? new Map<string, Value>();
  const spec = required(document, fields, 'spec');
  const body = spec.fields();
  refuseOthers(body, [
    'baseProfileName',
    'defaultAction',
    'architectures',
    'listenerPath',
    'listenerMetadata',
    'flags',
    'syscalls',
    'state',
  ]);
  return {
    ...defined({
      name: optional(metadata, 'name', (value) => value.text()),
      labels: optional(metadata, 'labels', readTexts),
      annotations: optional(metadata, 'annotations', readTexts),
      baseProfileName: optional(body, 'baseProfileName', (value) => value.text()),
    }),
    ...readBody(spec, body, unknownNames),
  };
}

function readRaw(document: Value, unknownNames: string[]): Profile {
  const fields = document.fields();
  refuseOthers(fields, [
    'defaultAction',
    'defaultErrnoRet',
    'defaultErrno',
    'architectures',
    'archMap',
    'flags',
    'listenerPath',
    'listenerMetadata',
    'syscalls',
  ]);
  const profile = readBody(document, fields, unknownNames);
  const errno = optional(fields, 'defaultErrnoRet', (value) => Number(value.integer(0n, MAX_ERRNO)));
  return { ...profile, ...defined({ defaultErrnoRet: errno }) };
}

function readBody(owner: Value, fields: Fields, unknownNames: string[]): Profile {
  const architectures = optional(fields, 'architectures', (value) =>
    value.items(64).map((item) => item.oneOf(ARCHITECTURES)),
  );
  const flags = optional(fields, 'flags', (value) => value.items(16).map((item) => item.oneOf(FLAGS)));
  const syscalls = optional(fields, 'syscalls', (value) =>
    value.items(MAX_RULES).map((item) => readRule(item, unknownNames)),
  );
  return {
    defaultAction: required(owner, fields, 'defaultAction').oneOf(ACTIONS),
    architectures: [...new Set([...(architectures ?? []), ...readArchMap(fields)])],
    flags: [...new Set(flags ?? [])],
    ...defined({
      listenerPath: optional(fields, 'listenerPath', (value) => value.text()),
      listenerMetadata: optional(fields, 'listenerMetadata', (value) => value.text()),
    }),
    syscalls: syscalls ?? [],
  };
}

/** Docker's form: an architecture with those that go along with it. */
function readArchMap(fields: Fields): string[] {
  const entries = optional(fields, 'archMap', (value) => value.items(64)) ?? [];
  return entries.flatMap((entry) => {
    const parts = entry.fields();
    const others = optional(parts, 'subArchitectures', (value) => value.items(64)) ?? [];
    return [required(entry, parts, 'architecture'), ...others].map((item) => item.oneOf(ARCHITECTURES));
  });
}

function readRule(rule: Value, unknownNames: string[]): SyscallRule {
  const fields = rule.fields();
  refuseOthers(fields, ['names', 'name', 'action', 'errnoRet', 'errno', 'args', 'comment', 'includes', 'excludes']);
  for (const condition of ['includes', 'excludes']) {
    const value = fields.get(condition);
    // What they ask for (capabilities, kernel version) is known only where the container starts.
    if (value && !value.isAbsent && [...value.fields().values()].some((field) => !field.isAbsent))
      value.fail("Docker's conditions cannot be decided here: write out the rules that apply");
  }
  const legacy = optional(fields, 'name', (value) => [value]);
  const names = legacy ?? required(rule, fields, 'names').items(MAX_NAMES);
  if (names.length === 0) rule.fail('names is empty');
  const args = optional(fields, 'args', (value) => value.items(6).map(readArg));
  const errnoRet = optional(fields, 'errnoRet', (value) => Number(value.integer(0n, MAX_ERRNO)));
  return {
    names: [...new Set(names.map((value) => readName(value, unknownNames)))],
    action: required(rule, fields, 'action').oneOf(ACTIONS),
    ...defined({ errnoRet }),
    ...(args && args.length > 0 && { args }),
  };
}

function readName(value: Value, unknownNames: string[]): string {
  const name = value.text();
  if (!/^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/.test(name)) value.fail(`${JSON.stringify(name)} is not a system call`);
  if (isKnownSyscall(name)) return name;
  try {
    value.fail(`no supported architecture has a system call ${name}`);
  } catch (error) {
    unknownNames.push((error as ProfileError).message);
  }
  return name;
}

function readArg(arg: Value): SyscallArg {
  const fields = arg.fields();
  refuseOthers(fields, ['index', 'op', 'value', 'valueTwo']);
  return {
    index: Number(required(arg, fields, 'index').integer(0n, 5n)),
    op: required(arg, fields, 'op').oneOf(OPERATORS),
    value: optional(fields, 'value', (value) => value.integer(0n, MAX_U64)) ?? 0n,
    valueTwo: optional(fields, 'valueTwo', (value) => value.integer(0n, MAX_U64)) ?? 0n,
  };
}
