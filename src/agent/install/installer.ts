import type { Enforced } from '../../api/rollout.ts';
import type { SeccompProfile } from '../../api/types.ts';
import type { KubeObject } from '../../kube/object.ts';

/** Why a profile is not on the node, by the reason of SPO's event and metric. */
export class InstallFailure extends Error {
  readonly reason: string;
  /** Refused by what the administrator lets profiles say: no node status tells of it, as in SPO. */
  readonly denied: boolean;
  /** It is worth trying again though nothing has changed. */
  readonly passing: boolean;

  constructor(
    reason: string,
    message: string,
    { denied = false, passing = false }: { readonly denied?: boolean; readonly passing?: boolean } = {},
  ) {
    super(message);
    this.reason = reason;
    this.denied = denied;
    this.passing = passing;
  }
}

/** Of a profile of any kind. */
export interface InstallableProfile extends KubeObject {
  readonly spec: {
    readonly state?: 'Enabled' | 'Disabled';
    readonly rollout?: NonNullable<SeccompProfile['spec']['rollout']>;
  };
  readonly status?: {
    readonly enforced?: Enforced;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** What an installer has put there. */
export interface Placed {
  /** Since when it is as it is, milliseconds since the epoch. */
  readonly since: number;
  /** The same of what it replaced just now, if anything. */
  readonly before?: number;
  /** It was written just now. */
  readonly changed: boolean;
}

export interface Outcome {
  /** InProgress: somebody else works on it; it is asked again soon. */
  readonly state: 'Installed' | 'InProgress';
  /** Something was written. */
  readonly changed: boolean;
  /** Since when what is there is as it is, where that can be told. */
  readonly placed?: Placed;
}

/**
 * How profiles of one kind get onto this node. Whoever calls knows what is wanted and who uses it; an installer knows files, the
 * kernel and daemons, and keeps nothing that a new process would miss.
 */
export interface Installer {
  readonly kind: string;
  /** The prefix of the kind's metrics, `seccomp`. */
  readonly metric: string;
  /** Reasons of the events that tell of success and of what could not be removed. */
  readonly reasons: { readonly saved: string; readonly cannotRemove: string };
  /** By what pods refer to a profile. */
  reference(name: string): string;
  /** The other way round: names that a reference may mean, if it is to a profile of this kind. */
  namesOf(reference: string): readonly string[];
  profile(name: string): InstallableProfile | undefined;
  /** All that are to be looked at. */
  names(): Iterable<string>;
  /** Told of each profile that changed, and of each that has to be looked at again for what else did. */
  onChange(listener: (name: string) => void): void;
  /** Installs what is meant, or, in the mode Audit (`modeOf`), what logs instead. @throws InstallFailure */
  install(profile: InstallableProfile): Promise<Outcome>;
  /** @returns whether it was there. */
  remove(name: string): Promise<boolean>;
  /** Those that somebody else has changed on the node since they were installed. */
  drifted(): Iterable<string>;
  /** Follows the API server. */
  run(signal: AbortSignal): Promise<unknown>;
  /** All that there is was told once. */
  readonly synced: Promise<unknown>;
}
