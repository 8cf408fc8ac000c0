/**
 * What a virtual machine runs: the truth of a few programs, as one bundled file. The test runner, and types that are stripped at
 * each start, would take an emulated processor minutes. guest.ts WORKLOAD...; ends with `N passed, N failed`.
 */
import { inspect } from 'node:util';
import { ACTIONS, runsUnder, sameAsStrace } from '../accuracy/truth.ts';
import { WORKLOADS, type Workload } from '../accuracy/workloads.ts';

const RUNS = 2;
let passed = 0;
let failed = 0;

async function check(name: string, task: () => Promise<void>): Promise<void> {
  const began = performance.now();
  const took = () => `(${Math.round(performance.now() - began)} ms)`;
  try {
    await task();
    passed += 1;
    console.log(`ok      ${name} ${took()}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL    ${name} ${took()}\n${inspect(error, { depth: 4 })}`);
  }
}

for (const name of process.argv.slice(2)) {
  const workload: Workload | undefined = WORKLOADS.find((one) => one.name === name);
  if (workload === undefined) throw new Error(`there is no workload ${name}`);
  let profiles: readonly string[] = [];
  await check(`as strace sees it: ${name}`, async () => {
    ({ profiles } = await sameAsStrace(workload, RUNS));
  });
  for (const action of ACTIONS)
    await check(`under its own profile with ${action}: ${name}`, () => runsUnder(workload, profiles, action));
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
