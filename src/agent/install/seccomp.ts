import { basename } from 'node:path';
import { ANNOTATIONS, FINALIZERS, LABELS, LOG_PROFILE } from '../../api/names.ts';
import { localhostProfile, referenceOf } from '../../api/references.ts';
import { type Enforced, isAudited, modeOf } from '../../api/rollout.ts';
import type { Daemon, SeccompProfile } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, type KubeObject } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';
import { audited, refusesByDefault } from '../../profile/seccomp/audit-mode.ts';
import { withBases } from '../../profile/seccomp/base-profiles.ts';
import { notAllowed } from '../../profile/seccomp/limits.ts';
import type { Profile as Model } from '../../profile/seccomp/model.ts';
import { toModel, toSpec } from '../../profile/seccomp/resource.ts';
import { dependents } from './dependents.ts';
import { type InstallableProfile, type Installer, InstallFailure, type Outcome } from './installer.ts';
import { explainFailure, ProfileDirectory } from './seccomp-directory.ts';

type Profile = SeccompProfile & KubeObject;

/** Files of that directory that are not profiles of anybody's: the agent's own for recorder Logs, and SPO's settings. */
const RESERVED: readonly string[] = [basename(LOG_PROFILE), 'kubelet-config.json'];
const FOLDER = 'operator/';
const INVALID = 'InvalidSeccompProfile';

export interface SeccompSettings {
  readonly kubeletDirectory: string;
  /** Where the daemon object `spod` is. */
  readonly namespace: string;
}

/** SeccompProfiles as files for kubelet. */
export class SeccompInstaller implements Installer {
  readonly kind = 'SeccompProfile';
  readonly metric = 'seccomp';
  readonly reasons = { saved: 'SavedSeccompProfile', cannotRemove: 'CannotRemoveSeccompProfile' };
  readonly #directory: ProfileDirectory;
  readonly #profiles: Informer<Profile>;
  readonly #daemon: Informer<Daemon & KubeObject>;
  readonly #daemonKey: string;
  /** What files looked like when they were right, by profile. */
  readonly #seen = new Map<string, string>();

  constructor(client: KubeClient, log: Log, { kubeletDirectory, namespace }: SeccompSettings) {
    this.#directory = new ProfileDirectory(kubeletDirectory);
    this.#profiles = new Informer<Profile>(
      { client, resource: customResource('seccompprofiles', 'SeccompProfile', false), log },
      { labelSelector: `!${LABELS.partial}`, transform: littleOf },
    );
    const daemons = customResource('securityprofilesoperatordaemons', 'SecurityProfilesOperatorDaemon', true);
    this.#daemon = new Informer<Daemon & KubeObject>(
      { client, resource: daemons, log },
      { namespace, fieldSelector: 'metadata.name=spod' },
    );
    this.#daemonKey = `${namespace}/spod`;
  }

  reference(name: string): string {
    return referenceOf(this.kind, name);
  }

  namesOf(reference: string): readonly string[] {
    const prefix = `${this.kind}:${FOLDER}`;
    const file = reference.startsWith(prefix) ? reference.slice(prefix.length) : '';
    return file.endsWith('.json') ? [file, file.slice(0, -'.json'.length)] : [];
  }

  profile(name: string): Profile | undefined {
    return this.#profiles.get(name);
  }

  *names(): Iterable<string> {
    for (const { metadata } of this.#profiles.list()) yield metadata.name;
  }

  onChange(listener: (name: string) => void): void {
    this.#profiles.onChange((name) => {
      listener(name);
      for (const one of dependents(name, this.#profiles.list())) listener(one);
      // Of two with one file, the other's turn may have come.
      listener(name.endsWith('.json') ? name.slice(0, -'.json'.length) : `${name}.json`);
    });
    this.#daemon.onChange((_, now, before) => {
      if (JSON.stringify(now?.spec.security) === JSON.stringify(before?.spec.security)) return;
      for (const name of this.names()) listener(name);
    });
  }

  async install(profile: Profile): Promise<Outcome> {
    const { name } = profile.metadata;
    const text = this.#textOf(profile);
    const file = fileOf(name);
    try {
      const before = this.#directory.stat(file)?.ctimeMs;
      const changed = this.#directory.write(file, text);
      this.#seen.set(name, this.#look(file));
      const since = this.#directory.stat(file)?.ctimeMs ?? Date.now();
      return {
        ...{ state: 'Installed', changed },
        placed: { since, changed, ...(changed && before !== undefined && { before }) },
      };
    } catch (error) {
      throw new InstallFailure('CannotSaveSeccompProfile', explainFailure(error), { passing: true });
    }
  }

  async remove(name: string): Promise<boolean> {
    this.#seen.delete(name);
    // Its file, if there is one, is another's.
    if (RESERVED.includes(fileOf(name)) || this.#shadowed(name)) return false;
    return this.#directory.remove(fileOf(name));
  }

  *drifted(): Iterable<string> {
    for (const [name, seen] of this.#seen) if (this.#look(fileOf(name)) !== seen) yield name;
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      this.#directory.sweep();
    } catch {
      // Where that directory cannot be read, no profile can be written, which is told of each.
    }
    await Promise.all([this.#profiles.run(signal), this.#daemon.run(signal)]);
  }

  get synced(): Promise<unknown> {
    return Promise.all([this.#profiles.synced, this.#daemon.synced]);
  }

  /** Whether the profile, with its bases, refuses a call that it has no rule for. */
  refuses({ metadata: { name } }: InstallableProfile, syscall: string): boolean {
    const profile = this.#profiles.get(name);
    try {
      return profile !== undefined && refusesByDefault(this.#whole(name, profile.spec), syscall);
    } catch {
      // It is not installed, for that reason.
      return false;
    }
  }

  #whole(name: string, spec: Profile['spec']): Model {
    return withBases(name, toModel({ spec }), (base) => {
      const found = this.#profiles.get(base);
      return found && toModel(found);
    });
  }

  /** What was enforced before, where an update of it is to be audited; undefined: nothing. */
  #last(name: string, enforced: Enforced | undefined): Model | undefined {
    if (!enforced) return undefined;
    try {
      if (enforced.spec !== undefined) return this.#whole(name, JSON.parse(enforced.spec));
      throw new Error('it is too large to be kept');
    } catch (error) {
      const why = `what is enforced of it cannot be told for an update in Audit: ${(error as Error).message}`;
      throw new InstallFailure(INVALID, `${why}; set rollout.mode to Enforce`);
    }
  }

  /** What runtimes read of it: SPO's files are `spec` as it is, unknown fields are skipped. */
  #textOf(profile: Profile): string {
    const { metadata, spec, status } = profile;
    const { name } = metadata;
    if (RESERVED.includes(fileOf(name)))
      throw new InstallFailure(INVALID, `the name ${name} is taken by the agent itself`);
    if (this.#shadowed(name))
      throw new InstallFailure(INVALID, `its file is that of the SeccompProfile ${name.slice(0, -5)}`);
    try {
      const real = this.#whole(name, spec);
      const inAudit = modeOf(profile) === 'Audit';
      const whole = inAudit ? audited(real, this.#last(name, status?.enforced)) : real;
      const refusal = notAllowed(whole, this.#daemon.get(this.#daemonKey)?.spec.security ?? {});
      if (refusal !== undefined) {
        const message = inAudit ? `${refusal}, in Audit; rollout.mode Enforce lets less through` : refusal;
        throw new InstallFailure('ProfileNotAllowed', message, { denied: true });
      }
      return JSON.stringify(whole === real && !spec.baseProfileName ? plainOf(spec) : toSpec(whole));
    } catch (error) {
      if (error instanceof InstallFailure) throw error;
      throw new InstallFailure(INVALID, (error as Error).message);
    }
  }

  /** `x` and `x.json` have one file: it is the shorter's. */
  #shadowed(name: string): boolean {
    return name.endsWith('.json') && this.#profiles.get(name.slice(0, -'.json'.length)) !== undefined;
  }

  /** Any write changes it, the time of the last change of status cannot be set. */
  #look(file: string): string {
    const stat = this.#directory.stat(file);
    return stat ? `${stat.dev} ${stat.ino} ${stat.size} ${stat.mode} ${stat.ctimeMs}` : '';
  }
}

/** Every node has every profile in memory. */
function littleOf(raw: KubeObject): Profile {
  const { apiVersion, kind, metadata, spec, status } = raw as Profile;
  const { name, uid, resourceVersion, generation, deletionTimestamp } = metadata;
  const finalizers = metadata.finalizers?.filter((one) => one === FINALIZERS.onNodes);
  const reported = metadata.annotations?.[ANNOTATIONS.nodeReports];
  const annotations = reported === undefined ? undefined : { [ANNOTATIONS.nodeReports]: reported };
  const marks = { finalizers, annotations };
  const kept = { name, uid, resourceVersion, generation, deletionTimestamp, ...marks } as Profile['metadata'];
  const { conditions, enforced } = status ?? {};
  const told = { ...(conditions && { conditions }), ...(enforced && isAudited({ spec }) && { enforced }) };
  return { apiVersion, kind, metadata: kept, spec, status: told };
}

/** For the API 0 is none given; runc takes it at its word, and lets a call that is refused seem to have worked. */
function plainOf({ rollout: _, ...spec }: Profile['spec']): Profile['spec'] {
  if (!spec.syscalls?.some(({ errnoRet }) => errnoRet === 0)) return spec;
  const syscalls = spec.syscalls.map(({ errnoRet, ...rule }) => (errnoRet ? { ...rule, errnoRet } : rule));
  return { ...spec, syscalls };
}

function fileOf(name: string): string {
  // Not its base name: what is no name is refused, not made one.
  return localhostProfile(name).slice(FOLDER.length);
}
