import type { Mode } from '../../api/rollout.ts';
import type { Placed } from '../install/installer.ts';

/** Runtimes read a profile shortly before or after the time at which they say that the container was created, milliseconds. */
const SLACK = 5000;
/** Of one profile, how often what is installed of it may have changed since a container that still runs began. */
const MOST = 10;

/** What of a profile a node has had, from when on. */
export interface Placement {
  readonly generation: number;
  readonly mode: Mode;
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** There was nothing before: no container can have begun with anything else. */
  readonly first: boolean;
}

type Content = Pick<Placement, 'generation' | 'mode' | 'digest'>;

/**
 * The history of a profile on a node, with what is there now.
 * @param enforced what was enforced before anybody kept a history.
 */
export function withPlacement(
  history: readonly Placement[],
  now: Content,
  { since, before, changed }: Placed,
  enforced?: Omit<Content, 'mode'>,
): readonly Placement[] {
  const last = history.at(-1);
  if (last && last.digest === now.digest && last.mode === now.mode) return history;
  const earlier: Placement[] =
    !last && enforced && before !== undefined ? [{ ...enforced, mode: 'Enforce', since: before, first: false }] : [];
  const first = !last && changed && before === undefined;
  return [...history, ...earlier, { ...now, since, first }].slice(-MOST);
}

/**
 * What a container has begun with that was created then; undefined where that cannot be told.
 * @param podStart when kubelet began with its pod: what was there by then was there before it read anything.
 */
export function placementAt(
  history: readonly Placement[],
  created: number | undefined,
  podStart = Number.NEGATIVE_INFINITY,
): Placement | undefined {
  const [oldest, ...later] = history;
  if (oldest?.first && later.length === 0) return oldest;
  if (created === undefined) return undefined;
  const near = history.some(({ since, first }) => !first && since > podStart && Math.abs(created - since) < SLACK);
  if (near) return undefined;
  return history.findLast(({ since }) => since <= created) ?? (oldest?.first ? oldest : undefined);
}
