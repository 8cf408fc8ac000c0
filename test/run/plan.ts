import { readFileSync } from 'node:fs';
import type { Lane, Stage } from './stage.ts';

/** `test` is what CI runs for each change, `all` adds sizes, kernels and a node with cgroup v2 alone, `soak` takes hours. */
export const PLANS = ['check', 'test', 'all', 'soak'] as const;
export type PlanName = (typeof PLANS)[number];

/** One at a time of these: the kernel has one audit log, and tests change its settings. Held across runs, too. */
const AUDIT_LOCK = ['flock', '/run/lock/syscribe-audit'] as const;
/** Test files that read or change it, outside of clusters. */
const AUDIT = /^test\/system\/(audit\/|accuracy\/audit|agent\/(logs|rollout)|record\/run)/;
const CLUSTER = 'test/system/cluster/';
const MINUTE = 60;
/** Seconds after which a run ends itself: CI ends it after 90 minutes, and then nothing says why it took so long. */
export const RUN_LIMITS: Readonly<Partial<Record<PlanName, number>>> = { check: 15 * MINUTE, test: 75 * MINUTE };
/** In one process, so that they can share a cluster: to start one takes half a minute. */
const TOGETHER = ['--test-isolation=none'] as const;
/** To import the others takes each node seconds. */
const FEW_IMAGES = { SYSCRIBE_TEST_IMAGES: 'busybox|nginx' } as const;

/** Where a file of cluster tests runs: it says itself what cluster it uses. */
type Cluster = 'api' | 'bare' | 'own' | 'shared';

/**
 * @param files test files of test/system, relative to the top of the tree.
 * @param read a file's text.
 */
export function planOf(
  name: PlanName,
  files: readonly string[],
  read: (file: string) => string = text,
): readonly Stage[] {
  if (name === 'check') return CHECKS;
  const own = files.filter((file) => !usesCluster(file));
  const where = (cluster: Cluster) => files.filter((file) => usesCluster(file) && clusterOf(read(file)) === cluster);
  const machine = (stage: string, pattern: RegExp, minutes: number) =>
    tests(stage, 'compute', ['build'], minutes, runner(own.filter((file) => pattern.test(file) && !AUDIT.test(file))));
  const soaked = where('shared').filter((file) => /(churn|faults|outage)\.test/.test(file));
  const shared = name === 'soak' ? soaked : where('shared');
  const size = { SYSCRIBE_TEST_SIZE: name };
  const stages: Stage[] = [
    ...CHECKS,
    { ...setup('packages', 'setup', [], 20, ['scripts/install-packages.sh', 'test', 'kernels']) },
    setup('build', 'setup', ['packages'], 10, ['make', '--no-print-directory', 'build', 'programs']),
    setup('kubernetes', 'builds', [], 40, ['nice', '-n', '5', 'test/system/cluster/build.sh']),
    // First of its lane: clusters wait for its end.
    tests('audit', 'compute', ['build'], 15, [...AUDIT_LOCK, ...runner(own.filter((file) => AUDIT.test(file)))]),
    tests('native', 'compute', ['build'], 10, ['test/native/run.sh']),
    machine('system', /^test\/system\/(?!accuracy|package)/, 30),
    machine('accuracy', /^test\/system\/accuracy/, 60),
    machine('package', /^test\/system\/package/, 15),
    tests('kernels', 'compute', ['build', 'package'], 60, [
      'test/system/kernels/run.sh',
      ...(name === 'test' ? ['--changed'] : []),
    ]),
    tests('api', 'api', ['build', 'kubernetes'], 20, ['test/system/cluster/apart.sh', ...runner(where('api'))]),
    {
      // Their agents log calls of their own, which tests of the log would count.
      ...tests('installs', 'wait', ['build', 'kubernetes'], 15, [...AUDIT_LOCK, ...runner(where('bare'), TOGETHER)]),
      after: ['audit'],
      env: FEW_IMAGES,
    },
    {
      ...tests('clusters', 'wait', ['build', 'kubernetes'], 10, [...AUDIT_LOCK, ...runner(where('own'))]),
      env: FEW_IMAGES,
    },
    tests('shared', 'wait', ['build', 'kubernetes'], { check: 0, test: 30, all: 90, soak: 600 }[name], [
      ...AUDIT_LOCK,
      ...runner(shared, TOGETHER),
    ]),
  ];
  return stages.map((stage) => ({ ...stage, env: { ...stage.env, ...size } }));
}

/** What a typo fails: needs npm alone, and no root. */
const CHECKS: readonly Stage[] = [
  {
    ...{ name: 'lint', lane: 'api', needs: [], limit: 5 * MINUTE, kind: 'check', decisive: true },
    command: ['make', '--no-print-directory', '-j2', '--output-sync', 'lint-ts'],
  },
  {
    ...tests('unit', 'api', [], 10, runner(['test/unit/**/*.test.ts'], ['--test-isolation=none'])),
    decisive: true,
  },
];

function usesCluster(file: string): boolean {
  return file.startsWith(CLUSTER) || file.startsWith('test/system/kube/');
}

/** Each file of cluster tests calls one of these. */
export function clusterOf(source: string): Cluster {
  if (/useCluster\(0\b/.test(source)) return 'api';
  if (/useBareCluster\(\)/.test(source)) return 'bare';
  return /useInstalledCluster\(\)/.test(source) ? 'shared' : 'own';
}

function setup(name: string, lane: Lane, needs: readonly string[], minutes: number, command: Stage['command']): Stage {
  return { name, lane, needs, command, limit: minutes * MINUTE, kind: 'setup' };
}

function tests(name: string, lane: Lane, needs: readonly string[], minutes: number, command: Stage['command']): Stage {
  return { name, lane, needs, command, limit: minutes * MINUTE, kind: 'tests' };
}

/** Node's test runner; a test's own limit ends one that hangs. */
function runner(files: readonly string[], options: readonly string[] = []): Stage['command'] {
  const limits = ['--test-concurrency=1', '--test-timeout=300000'];
  return ['node', '--test', ...limits, '--test-reporter=./test/reporter.ts', ...options, ...files];
}

function text(file: string): string {
  return readFileSync(file, 'utf8');
}
