import { type Abi, type Machine, machineAbis, SECCOMP_ARCH } from '../../kernel/abi.ts';
import { syscallName } from '../../kernel/syscalls.ts';
import { hiddenByVdso } from '../../kernel/vdso.ts';
import type { Action, Profile } from './model.ts';
import { type Runtime, runtimeTail, unmeasured, varyingCalls } from './runtime-tails.ts';

/**
 * Always allowed, seen or not: whether they show in a recording depends on how it ended. `execve` starts it,
 * `exit`/`exit_group` end it, `restart_syscall` follows a stop and continue or a cgroup freeze, `rt_sigreturn` a signal's
 * handler.
 */
export const BASE_SYSCALLS = ['execve', 'exit', 'exit_group', 'restart_syscall', 'rt_sigreturn'] as const;

/** Why a name is in a profile. */
export const SOURCES = ['workload', 'denied', 'runtime', 'base', 'portable'] as const;
export type Source = (typeof SOURCES)[number];

interface Sighting {
  readonly abi: Abi;
  readonly nr: number;
  readonly phase: 'workload' | 'runtime' | 'denied';
}

export interface BuildInput {
  readonly machine: Machine;
  readonly sightings: readonly Sighting[];
  readonly defaultAction: Action;
  readonly defaultErrno?: number;
  /**
   * Whose calls between loading the profile and the workload's exec to allow, several where it can be any of them; undefined: those
   * observed, if any.
   */
  readonly runtime: Runtime | readonly Runtime[] | undefined;
  readonly base: readonly string[];
  readonly portable: boolean;
  readonly name: string;
}

export interface BuiltProfile {
  readonly profile: Profile;
  /** Every allowed name with the reasons for it. */
  readonly sources: ReadonlyMap<string, ReadonlySet<Source>>;
  /** Sightings whose number has no name, which no profile can hold. */
  readonly unnamed: readonly Sighting[];
  /** What the profile lacks although it was asked for; one clause each. */
  readonly notes: readonly string[];
}

/**
 * The tightest profile for what was seen. The native architecture is always listed, another only if a call of it was
 * seen: the format has one flat list of names, so a name seen under one architecture is allowed under all listed.
 */
export function buildProfile(input: BuildInput): BuiltProfile {
  const { native } = machineAbis(input.machine);
  const sources = new Map<string, Set<Source>>();
  const add = (source: Source, names: Iterable<string>) => {
    for (const name of names) sources.set(name, (sources.get(name) ?? new Set()).add(source));
  };
  const named = (phase: Sighting['phase']) =>
    input.sightings.flatMap(({ abi, nr, phase: seen }) => (seen === phase ? (syscallName(abi, nr) ?? []) : []));

  const abis = new Set<Abi>([native, ...workloadAbis(input.sightings)]);
  add('workload', named('workload'));
  add('denied', named('denied'));
  add('base', input.base);
  const tail = tailOf(named('runtime'), input.runtime, input.defaultAction);
  add('runtime', tail.names);
  if (input.portable) for (const abi of abis) add('portable', hiddenByVdso(abi));

  const names = [...sources.keys()].sort();
  return {
    profile: {
      name: input.name,
      defaultAction: input.defaultAction,
      ...(input.defaultErrno !== undefined && { defaultErrnoRet: input.defaultErrno }),
      architectures: [...abis].map((abi) => SECCOMP_ARCH[abi]),
      flags: [],
      syscalls: names.length > 0 ? [{ names, action: 'SCMP_ACT_ALLOW' }] : [],
    },
    sources,
    unnamed: input.sightings.filter(({ abi, nr }) => syscallName(abi, nr) === undefined),
    notes: tail.notes,
  };
}

function workloadAbis(sightings: readonly Sighting[]): Abi[] {
  return sightings.filter(({ phase }) => phase !== 'runtime').map(({ abi }) => abi);
}

/** Default actions after which the caller goes on. */
const SURVIVABLE: readonly Action[] = ['SCMP_ACT_ERRNO', 'SCMP_ACT_LOG', 'SCMP_ACT_ALLOW', 'SCMP_ACT_TRACE'];

interface Tail {
  readonly names: readonly string[];
  readonly notes: readonly string[];
}

/**
 * What was seen of the runtime on this machine is truer than the table, but for what one start need not show. What the table
 * does not know is a note, not an error: what was recorded must not be lost for it.
 */
function tailOf(observed: readonly string[], runtime: BuildInput['runtime'], defaultAction: Action): Tail {
  if (runtime === undefined) return { names: observed, notes: [] };
  const runtimes = [runtime].flat().filter((one) => one !== 'none');
  if (runtimes.length === 0) return { names: [], notes: [] };
  if (observed.length > 0) return { names: [...new Set([...observed, ...runtimes.flatMap(varyingCalls)])], notes: [] };
  return {
    names: runtimes.flatMap((one) => tableOf(one, defaultAction)),
    notes: runtimes.flatMap((one) => unmeasured(one) ?? []),
  };
}

/**
 * `exec` into the container calls more than the start. runc's goes on without where such a call returns an error, and the
 * mount calls among them are better not listed then; it cannot where the call kills. crun's never can.
 */
function tableOf(runtime: Runtime, defaultAction: Action): readonly string[] {
  return runtimeTail(runtime, { exec: runtime === 'crun' || !SURVIVABLE.includes(defaultAction) });
}
