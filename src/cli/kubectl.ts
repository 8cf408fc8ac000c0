import type { Command } from 'commander';
import { register as diff } from './kubectl/diff.ts';
import { register as doctor } from './kubectl/doctor.ts';
import { register as enforce } from './kubectl/enforce.ts';
import { register as explain } from './kubectl/explain.ts';
import { register as record } from './kubectl/record.ts';
import { register as status } from './kubectl/status.ts';
import { register as suggest } from './kubectl/suggest.ts';

const HELP = `
Where kubectl-syscribe is on the PATH, these are commands of kubectl: kubectl syscribe status.

Example:
  $ kubectl syscribe record deploy/web --for 10m`;

export function register(program: Command): void {
  const kubectl = program
    .command('kubectl')
    .description('Manage recordings and profiles in a cluster')
    .addHelpText('after', HELP);
  for (const add of [status, record, explain, diff, enforce, suggest, doctor]) add(kubectl);
}
