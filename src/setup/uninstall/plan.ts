/** What there is to be taken away, and what may be in the way. */
export interface Situation {
  /** Workloads under our names that are the Security Profiles Operator's. */
  readonly spo: boolean;
  /** Pods that run under a profile of a node's `operator` directory: NAMESPACE/NAME. */
  readonly users: readonly string[];
  /** Recordings, bindings and profiles: how many wait for an operator to let them go. */
  readonly objects: number;
  /** Objects with finalizers that no part of ours takes away (kinds that are not installed yet): KIND NAME. */
  readonly foreign: readonly string[];
  /** One of the operator's replicas is ready. */
  readonly operator: boolean;
  /** Agents that are to be there. */
  readonly agents: number;
  /** Nodes whose agent is not ready. */
  readonly away: readonly string[];
}

export interface UninstallOptions {
  /** Files stay on nodes: pods that run under them can be started again there. */
  readonly keepFiles: boolean;
  /** Nobody is waited for who does not answer: finalizers are taken away, nodes left as they are. */
  readonly force: boolean;
}

/** Objects of ours that are ended by somebody: recordings and bindings, profiles, or all that is still there. */
export type Which = 'recordings' | 'profiles' | 'all';

export type Step =
  | { readonly do: 'gates' }
  | { readonly do: 'conversion' }
  /** `patient`: the operator and agents are given time to let go; `strip`: finalizers that are there then are taken away. */
  | { readonly do: 'end'; readonly which: Which; readonly patient: boolean; readonly strip: boolean }
  | { readonly do: 'operator' }
  | { readonly do: 'clean'; readonly profiles: boolean; readonly lenient: boolean }
  | { readonly do: 'agents'; readonly lenient: boolean }
  | { readonly do: 'definitions' }
  | { readonly do: 'rest' };

interface Refusal {
  readonly message: string;
  readonly remedy: string;
}

const NAMED = 10;

/** Why nothing is done; undefined where nothing is in the way. */
export function refusal(
  { spo, users, objects, foreign, operator, away }: Situation,
  options: UninstallOptions,
): Refusal | undefined {
  if (spo)
    return {
      message: 'what is installed is the Security Profiles Operator',
      remedy: 'Uninstall it as it says, or take it over: syscribe adopt.',
    };
  if (users.length > 0 && !options.keepFiles)
    return {
      message: `pods use profiles: ${some(users)}`,
      remedy: 'Delete them, or let them run without a profile; or leave the files on the nodes: --keep-files.',
    };
  if (options.force) return undefined;
  if (objects > 0 && !operator)
    return {
      message: `no operator is ready to end ${objects} recordings, bindings and profiles`,
      remedy: 'See why: kubectl syscribe doctor; or take their finalizers away: --force.',
    };
  if (away.length > 0)
    return {
      message: `agents are not ready on nodes: ${some(away)}`,
      remedy: 'See why: kubectl syscribe doctor; or leave on those nodes what is there: --force.',
    };
  if (foreign.length > 0)
    return {
      message: `nothing here takes the finalizers of ${some(foreign)} away`,
      remedy: 'Have what set them delete these, or take the finalizers away: --force.',
    };
  return undefined;
}

/**
 * The order in which an installation goes: what others wait for first, what is the data last, and nobody before those who
 * need him. Each step may be done again.
 */
export function planOf({ operator, agents }: Situation, { keepFiles, force }: UninstallOptions): Step[] {
  const patient = operator;
  const cleaned: Step[] = [
    ...(agents > 0 ? [{ do: 'clean', profiles: !keepFiles, lenient: force } as const] : []),
    { do: 'agents', lenient: force },
  ];
  return [
    { do: 'gates' },
    // What is stored in an older version cannot even be listed where the webhook is dead.
    ...(force ? [{ do: 'conversion' } as const] : []),
    { do: 'end', which: 'recordings', patient, strip: force },
    // An agent takes the file of a profile that goes: where files stay, profiles go behind the agents.
    ...(keepFiles ? [] : [{ do: 'end', which: 'profiles', patient, strip: force } as const]),
    { do: 'operator' },
    ...cleaned,
    ...(force ? [] : [{ do: 'conversion' } as const]),
    { do: 'end', which: 'all', patient: false, strip: keepFiles || force },
    { do: 'definitions' },
    { do: 'rest' },
  ];
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).join(', ');
  return names.length > NAMED ? `${shown} and ${names.length - NAMED} others` : shown;
}
