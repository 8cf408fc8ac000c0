import type { Denied } from '../../api/denials.ts';
import type { RolloutRow } from '../../kubectl/overview.ts';
import type { Paint } from '../render-style.ts';
import { age, table } from './table.ts';

/** Profiles that are rolled out, one a line. */
export function rolloutTable(rows: readonly (RolloutRow & { readonly profile: string })[], paint: Paint): string {
  return table(
    ['ROLLOUT', 'MODE', 'GENERATION', 'CLEAN', 'FOR', 'CONTAINERS', 'NODES', 'PODS'],
    rows.map(({ profile, mode, generation, clean, cleanSeconds, containers, nodes, running, mixed }) => [
      ...[profile, mode, `${generation}`, clean, lengthOf(cleanSeconds), `${containers}`, `${nodes}`],
      [
        ...running.map((one) => `${one.pods} of ${one.generation} ${one.mode}`),
        ...(mixed > 0 ? [`${mixed} mixed`] : []),
      ].join(', '),
    ]),
    paint,
  );
}

interface DeniedBy {
  readonly profile: string;
  readonly denied: readonly Denied[];
  readonly left: number;
}

/** What profiles refuse, or would. */
export function deniedTable(rows: readonly DeniedBy[], paint: Paint, now: number): string {
  return table(
    ['DENIED BY', 'SYSCALL', 'WORKLOAD', 'COUNT', 'LAST'],
    rows.flatMap(({ profile, denied, left }) => [
      ...denied.map((one) => [profile, one.syscall, one.workload, `${one.count}`, age(one.last, now)]),
      ...(left > 0 ? [[profile, '(others)', '', `${left}`, '']] : []),
    ]),
    paint,
  );
}

function lengthOf(seconds: number): string {
  return age(new Date(0).toISOString(), seconds * 1000);
}
