import type { Profile, SyscallRule } from './model.ts';

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly op: string;
    readonly value?: number;
    readonly valueTwo?: number;
  }[];
}

/** `spec` of a SeccompProfile as the API server's JSON has it. */
export interface ResourceSpec {
  readonly state?: 'Enabled' | 'Disabled';
  readonly baseProfileName?: string;
  readonly defaultAction: string;
  readonly architectures?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly flags?: readonly string[];
  readonly syscalls?: readonly Rule[];
}

/**
 * The object as a profile that can be merged.
 * @throws RangeError for an argument that JSON numbers cannot tell exactly.
 */
export function toModel({ spec }: { readonly spec: ResourceSpec }): Profile {
  return {
    ...(spec.state === 'Disabled' && { state: 'Disabled' as const }),
    ...(spec.baseProfileName !== undefined && { baseProfileName: spec.baseProfileName }),
    ...(spec.listenerPath !== undefined && { listenerPath: spec.listenerPath }),
    ...(spec.listenerMetadata !== undefined && { listenerMetadata: spec.listenerMetadata }),
    defaultAction: spec.defaultAction as Profile['defaultAction'],
    architectures: spec.architectures ?? [],
    flags: spec.flags ?? [],
    syscalls: (spec.syscalls ?? []).map(toRule),
  };
}

function toRule({ names, action, errnoRet, args }: Rule): SyscallRule {
  return {
    names,
    action: action as SyscallRule['action'],
    ...(errnoRet !== undefined && errnoRet !== 0 && { errnoRet }),
    ...(args && {
      args: args.map(({ index, op, value = 0, valueTwo = 0 }) => ({
        index,
        op: op as NonNullable<SyscallRule['args']>[number]['op'],
        value: exact(value),
        valueTwo: exact(valueTwo),
      })),
    }),
  };
}

function exact(value: number): bigint {
  if (!Number.isSafeInteger(value)) throw new RangeError(`an argument of ${value} is larger than JSON tells exactly`);
  return BigInt(value);
}

export function toSpec(profile: Profile): ResourceSpec {
  return {
    state: profile.state ?? 'Enabled',
    ...(profile.baseProfileName !== undefined && { baseProfileName: profile.baseProfileName }),
    ...(profile.listenerPath !== undefined && { listenerPath: profile.listenerPath }),
    ...(profile.listenerMetadata !== undefined && { listenerMetadata: profile.listenerMetadata }),
    defaultAction: profile.defaultAction,
    architectures: profile.architectures,
    ...(profile.flags.length > 0 && { flags: profile.flags }),
    syscalls: profile.syscalls.map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet !== undefined && { errnoRet }),
      ...(args && {
        args: args.map(({ index, op, value, valueTwo }) => ({
          index,
          op,
          value: Number(value),
          ...(valueTwo !== 0n && { valueTwo: Number(valueTwo) }),
        })),
      }),
    })),
  };
}

/** Rules of one name each, as SPO's merged profiles have them. */
export function oneByOne(rules: readonly SyscallRule[]): SyscallRule[] {
  return rules.flatMap((rule) => rule.names.map((one) => ({ ...rule, names: [one] })));
}
