import { test } from 'node:test';
import { size } from '../../support/sizes.ts';
import { ACTIONS, runsUnder, sameAsStrace } from './truth.ts';
import { WORKLOADS } from './workloads.ts';

const RUNS = size('ACCURACY_RUNS');

for (const workload of WORKLOADS) {
  let profiles: readonly string[] = [];

  test(`as strace sees it: ${workload.name}`, async (context) => {
    const { profiles: recorded, summary } = await sameAsStrace(workload, RUNS);
    profiles = recorded;
    context.diagnostic(summary);
  });

  for (const action of ACTIONS)
    test(`under its own profile with ${action}: ${workload.name}`, () => runsUnder(workload, profiles, action));
}
