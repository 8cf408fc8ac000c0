import { isDeepStrictEqual } from 'node:util';
import { type Denials, denialsOf, sumDenials } from '../../api/denials.ts';
import { digestOf, type Mode, type NodeRollout, tellEvery } from '../../api/rollout.ts';
import type { InstallableProfile } from '../install/installer.ts';
import { type Stretch, stretched } from './clock.ts';
import type { Placement } from './install-history.ts';

/** Denials in a node status. */
const MOST = 50;
/** A pod that uses the profile, by its containers that run: what each began with, as far as that can be told. */
export type RunningPod = readonly (Placement | undefined)[];

export interface Look {
  readonly profile: InstallableProfile;
  readonly mode: Mode;
  readonly now: number;
  readonly stream: Pick<NodeRollout, 'stream' | 'message'>;
  /** Nothing was lost since the last look. */
  readonly sound: boolean;
  readonly pods: readonly RunningPod[];
  /** Containers whose start was seen under what is audited, that are known; and those of them that were not before. */
  readonly seen: number;
  readonly fresh: number;
  /** Some of those run. */
  readonly running: boolean;
  readonly denials: Denials;
}

/** What a node tells of a profile. */
export class Report {
  #told: NodeRollout | undefined;
  #stretch: Stretch | undefined;

  /** @param before what an earlier process has told. */
  constructor(before: NodeRollout | undefined) {
    this.#told = before;
  }

  get told(): NodeRollout | undefined {
    return this.#told;
  }

  /** @returns whether there is something to be told. */
  look(look: Look): boolean {
    const { profile, mode, now, stream, sound, running, denials, seen, fresh } = look;
    const digest = digestOf(profile.spec);
    const before = this.#told?.digest === digest ? this.#told : undefined;
    if (!before) this.#stretch = undefined;
    this.#stretch = stretched(this.#stretch, now, mode === 'Audit' && sound && running);
    const sum = sumDenials([denialsOf(before), denials], MOST);
    // The process before this one may have ended before it told of some.
    const containers = Math.max((before?.containers ?? 0) + fresh, seen);
    const next: NodeRollout = {
      ...{ digest, mode, ...stream },
      ...(this.#stretch?.open && { counting: true }),
      ...(containers > 0 && { containers }),
      ...(sum.denied.length > 0 && { denied: sum.denied }),
      ...(sum.deniedLeft > 0 && { deniedLeft: sum.deniedLeft }),
      ...countPods(look.pods),
    };
    const { cleanFrom, cleanUntil, ...rest } = before ?? { digest: '' };
    const times = this.#stretch && {
      cleanFrom: new Date(this.#stretch.from).toISOString(),
      cleanUntil: new Date(this.#stretch.until).toISOString(),
    };
    const same = isDeepStrictEqual(next, rest) && times?.cleanFrom === cleanFrom;
    const elapsed = this.#stretch ? this.#stretch.until - Date.parse(cleanUntil ?? '') : 0;
    const ended = this.#stretch?.open === false && elapsed > 0;
    if (same && !ended && elapsed < tellEvery(profile.spec)) return false;
    this.#told = { ...next, ...times };
    return true;
  }
}

/** Pods of each generation, the newest first. One with containers of several, or of what cannot be told, is mixed. */
export function countPods(pods: readonly RunningPod[]): Pick<NodeRollout, 'running' | 'mixed'> {
  const counts = new Map<string, { generation: number; mode: Placement['mode']; pods: number }>();
  let mixed = 0;
  for (const containers of pods) {
    const [first, ...others] = containers;
    if (containers.length === 0) continue;
    if (!first || others.some((one) => one?.digest !== first.digest || one.mode !== first.mode)) {
      mixed += 1;
      continue;
    }
    const { generation, mode } = first;
    const key = `${generation} ${mode}`;
    counts.set(key, { generation, mode, pods: (counts.get(key)?.pods ?? 0) + 1 });
  }
  const running = [...counts.values()].sort((a, b) => b.generation - a.generation || (a.mode < b.mode ? 1 : -1));
  return { ...(running.length > 0 && { running }), ...(mixed > 0 && { mixed }) };
}
