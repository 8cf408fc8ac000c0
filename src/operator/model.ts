import type { SeccompProfile } from '../api/types.ts';
import type { Profile, SyscallRule } from '../profile/model.ts';

type Spec = SeccompProfile['spec'];
type Rule = NonNullable<Spec['syscalls']>[number];

/**
 * The object as a profile that can be merged.
 * @throws RangeError for an argument that JSON numbers cannot tell exactly.
 */
export function toModel({ spec }: SeccompProfile): Profile {
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

export function toSpec(profile: Profile): Spec {
  return {
    state: profile.state ?? 'Enabled',
    ...(profile.baseProfileName !== undefined && { baseProfileName: profile.baseProfileName }),
    ...(profile.listenerPath !== undefined && { listenerPath: profile.listenerPath }),
    ...(profile.listenerMetadata !== undefined && { listenerMetadata: profile.listenerMetadata }),
    defaultAction: profile.defaultAction,
    architectures: profile.architectures as Spec['architectures'] & object,
    ...(profile.flags.length > 0 && { flags: profile.flags as Spec['flags'] & object }),
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
