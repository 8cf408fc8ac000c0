import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Running } from '../support/syscribe.ts';
import { DIRECTORY } from './cluster.ts';
import { useBareCluster } from './use.ts';
import { completeness, type Eyes, has, isPartial, openEyes, type Recording } from './watched.ts';

const TOP = fileURLToPath(new URL('../../../', import.meta.url));
const cluster = useBareCluster();
let opened: Eyes | undefined;
after(() => opened?.close());

/** Opened when something is to be looked at: before, there is nothing of its kinds. */
function eyes(): Eyes {
  opened ??= openEyes(cluster.kubeconfig);
  return opened;
}

/** The section's blocks of commands, without what starts the cluster. */
function commands(): string[] {
  const readme = readFileSync(join(TOP, 'README.md'), 'utf8');
  const section = /^## In Kubernetes$(.*?)^\[docs\/install\.md\]/ms.exec(readme)?.[1] ?? '';
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text);
  assert.equal(blocks.length, 2);
  return blocks
    .join('')
    .split('\n')
    .map((line) => line.replace(/ +# .*/, '').trim())
    .filter((line) => line.startsWith('kubectl '));
}

/** As whoever types it, in a checkout. */
async function type(command: string) {
  const env = { ...process.env, PATH: `${DIRECTORY}:${join(TOP, 'bin')}:${process.env.PATH}` };
  return new Running('sh', ['-c', command], { cwd: TOP, env }).finished;
}

/** What somebody who looks at the cluster sees before going on. */
const BEFORE: readonly (readonly [command: RegExp, seen: (eyes: Eyes) => Promise<void>])[] = [
  [
    /^kubectl get profilerecordings/,
    async ({ profiles, recordings }) => {
      assert.ok(isPartial(await profiles.until('front-nginx', has('epoll_wait'))));
      const { status } = await recordings.until('default/front', (one) => {
        return one.status?.pods === 2 && one.status.containers?.[0]?.done === 1;
      });
      const whole = completeness({ status } as Recording);
      assert.equal(whole?.status, 'True', whole?.message);
    },
  ],
  [
    /^kubectl -n security-profiles-operator logs/,
    async ({ profiles }) => {
      await profiles.until('front-nginx', ({ status }) => status?.rollout?.denied !== undefined);
    },
  ],
];

/** What is said, where more than success is expected. */
const SAID: readonly (readonly [command: RegExp, text: RegExp, code?: number])[] = [
  [/^kubectl run nginx /, /^etc$/m],
  [/^kubectl get seccompprofile front-nginx -o yaml/, /syscall-coverage: '\{"version":"v1","total":3,/],
  [/^kubectl run first /, /^/, 159],
  [/^kubectl .* logs /, /"audit".*type="seccomp".*syscallName="symlink"/],
  [
    /^kubectl syscribe status/,
    /^front-nginx +Enforce +\d+ +False +\S+ +2 +1 .*^front-nginx +symlink +default\/Pod\/first\/first +1 /ms,
    1,
  ],
  [/^kubectl syscribe suggest/, /^ {6}- symlink$|^ {8}- symlink$/m],
];

/** What the README leaves: the next file of this cluster installs again. */
async function takeAway(): Promise<void> {
  const label = (name: string) => `spo.x-k8s.io/enable-${name}-`;
  for (const command of [
    'kubectl delete deployment,pods --all --now --wait',
    `kubectl label namespace default ${label('recording')} ${label('binding')}`,
    `syscribe uninstall --force --kubeconfig ${cluster.kubeconfig} --timeout=60s`,
    'kubectl wait --for=delete namespace/security-profiles-operator --timeout=60s',
  ]) {
    const { code, stderr } = await type(command);
    assert.equal(code, 0, `${command}: ${stderr}`);
  }
}

test('what the README says, word for word', cluster.options, async (context) => {
  context.after(takeAway);
  const all = commands();
  assert.equal(all.length, 32);
  for (const command of all) {
    await BEFORE.find(([pattern]) => pattern.test(command))?.[1](eyes());
    const { code, stdout, stderr } = await type(command);
    const [, text, expected = 0] = SAID.find(([pattern]) => pattern.test(command)) ?? [command, /^/];
    assert.equal(code, expected, `${command}\n${stdout}${stderr}`);
    assert.match(stdout, text, command);
  }
  const { spec, status } = await eyes().profiles.until('front-nginx');
  assert.ok(spec.syscalls?.some(({ names }) => names.includes('symlink')));
  assert.ok((status?.rollout?.generation ?? 0) > 2);
});
