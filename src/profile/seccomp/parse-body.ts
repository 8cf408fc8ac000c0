import { isKnownSyscall } from '../../kernel/syscalls.ts';
import type { Value } from '../document.ts';
import {
  ACTIONS,
  ARCHITECTURES,
  FLAGS,
  type Form,
  OPERATORS,
  type Profile,
  RESOURCE_ARCHITECTURES,
  type SyscallArg,
  type SyscallRule,
} from './model.ts';

const MAX_RULES = 4096;
const MAX_NAMES = 4096;
const MAX_ARGS = 6; // seccomp_data.args
const MAX_ERRNO = 4095n; // MAX_ERRNO of linux/err.h
const MAX_U64 = 2n ** 64n - 1n;

/** Podman's profiles have them beside (or instead of) the numbers; those that make sense for a refused call. */
const ERRNOS: Record<string, number> = { EPERM: 1, ENOENT: 2, EACCES: 13, EINVAL: 22, ENOSYS: 38, EOPNOTSUPP: 95 };

export type Fields = Map<string, Value>;

export function optional<Result>(fields: Fields, name: string, read: (value: Value) => Result): Result | undefined {
  const value = fields.get(name);
  return value === undefined || value.isAbsent ? undefined : read(value);
}

export function required(owner: Value, fields: Fields, name: string): Value {
  return fields.get(name) ?? owner.fail(`${name} is missing`);
}

export function refuseOthers(fields: Fields, known: readonly string[]): void {
  for (const [name, value] of fields) if (!known.includes(name)) value.failKey('no such field in a seccomp profile');
}

/** Puts only what is there into an object, as exactOptionalPropertyTypes wants. */
export function defined<Type extends object>(object: Type): { [Key in keyof Type]?: Exclude<Type[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

export function readErrno(fields: Fields, numberField: string, nameField: string): number | undefined {
  const number = optional(fields, numberField, (value) => Number(value.integer(0n, MAX_ERRNO)));
  const named = optional(fields, nameField, (value) => ERRNOS[value.oneOf(Object.keys(ERRNOS))]);
  if (number !== undefined && named !== undefined && number !== named) {
    fields.get(nameField)?.fail(`is ${named}, but ${numberField} says ${number}`);
  }
  return number ?? named;
}

/** What both forms have. */
export function readBody(owner: Value, fields: Fields, form: Form, unknownNames: string[]): Profile {
  const known = form === 'raw' ? ARCHITECTURES : RESOURCE_ARCHITECTURES;
  const architectures = optional(fields, 'architectures', (value) => value.items(64).map((item) => item.oneOf(known)));
  const flags = optional(fields, 'flags', (value) => value.items(16).map((item) => item.oneOf(FLAGS)));
  const syscalls = optional(fields, 'syscalls', (value) =>
    value.items(MAX_RULES).map((item) => readRule(item, form, unknownNames)),
  );
  const archMap = optional(fields, 'archMap', readArchMap);
  if (architectures && archMap) fields.get('archMap')?.failKey('give architectures or archMap, not both');
  return {
    defaultAction: required(owner, fields, 'defaultAction').oneOf(ACTIONS),
    architectures: [...new Set(architectures ?? archMap ?? [])],
    flags: [...new Set(flags ?? [])],
    ...defined({
      listenerPath: optional(fields, 'listenerPath', (value) => value.text()),
      listenerMetadata: optional(fields, 'listenerMetadata', (value) => value.text()),
    }),
    syscalls: syscalls ?? [],
  };
}

/**
 * Docker's form: of the entries it takes the machine's own, with what goes along. Those for machines that syscribe
 * records on are taken; all of them would make a list that no runtime can load (libseccomp refuses to mix endianness).
 */
function readArchMap(map: Value): string[] {
  const machines = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'];
  const architectures = map.items(64).flatMap((entry) => {
    const parts = entry.fields();
    refuseOthers(parts, ['architecture', 'subArchitectures']);
    const own = required(entry, parts, 'architecture').oneOf(ARCHITECTURES);
    const others = optional(parts, 'subArchitectures', (value) => value.items(64)) ?? [];
    const all = [own, ...others.map((item) => item.oneOf(ARCHITECTURES))];
    return machines.includes(own) ? all : [];
  });
  if (architectures.length === 0) map.fail(`has no entry for ${machines.join(' or ')}`);
  return architectures;
}

/**
 * Docker and Podman decide these where the container starts, by its capabilities, the machine and the kernel's version:
 * nothing of that is known here, and a guess could be looser or stricter than what is meant.
 */
function refuseConditions(fields: Fields): void {
  for (const name of ['includes', 'excludes']) {
    const conditions = optional(fields, name, (value) => [...value.fields().values()]) ?? [];
    for (const condition of conditions) {
      if (condition.isAbsent || condition.isEmptyList) continue;
      condition.failKey(
        'decided by Docker or Podman when a container starts, which cannot be done here; ' +
          'write out the rules that apply (linux.seccomp in the config.json of such a container has them)',
      );
    }
  }
}

function readRule(rule: Value, form: Form, unknownNames: string[]): SyscallRule {
  const fields = rule.fields();
  const extra = form === 'raw' ? ['name', 'errno', 'comment', 'includes', 'excludes'] : [];
  refuseOthers(fields, ['names', 'action', 'errnoRet', 'args', ...extra]);
  refuseConditions(fields);
  const args = optional(fields, 'args', (value) => value.items(MAX_ARGS).map(readArg));
  const errnoRet = readErrno(fields, 'errnoRet', 'errno');
  return {
    names: readNames(rule, fields, unknownNames),
    action: required(rule, fields, 'action').oneOf(ACTIONS),
    // The operator drops a 0 (omitempty), and EPERM is returned; runc takes it at its word.
    ...(errnoRet !== undefined && (errnoRet !== 0 || form === 'raw') && { errnoRet }),
    ...(args && args.length > 0 && { args }),
  };
}

/** `name` was Docker's before it had `names`. */
function readNames(rule: Value, fields: Fields, unknownNames: string[]): string[] {
  const legacy = optional(fields, 'name', (value) => value);
  if (legacy && optional(fields, 'names', () => true)) legacy.failKey('give name or names, not both');
  const names = legacy ? [legacy] : required(rule, fields, 'names').items(MAX_NAMES);
  if (names.length === 0) fields.get('names')?.fail('is empty');
  return [...new Set(names.map((value) => readName(value, unknownNames)))];
}

function readName(value: Value, unknownNames: string[]): string {
  const name = value.text();
  if (!/^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/.test(name)) value.fail(`${value.describe()} is not a system call`);
  if (!isKnownSyscall(name)) unknownNames.push(`${value.place}: Linux has no system call ${name}`);
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
