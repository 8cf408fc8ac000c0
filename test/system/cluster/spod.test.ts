import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test as nodeTest } from 'node:test';
import { until } from '../../support/until.ts';
import { NAMESPACE, onSharedMachine, useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { isPartial, type PodObject } from './watched.ts';

const AGENT = '10.97.0.1';
const cluster = useInstalledCluster();
const kubectl = (...args: string[]) => cluster.kubectl(['-n', NAMESPACE, ...args]);

/** Whatever becomes of it, the tests of other files find the agents as they expect them. */
function test(name: string, body: () => Promise<void>): void {
  nodeTest(name, cluster.options, async (context) => {
    context.after(() => cluster.resetDaemon());
    await body();
  });
}

interface Condition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** As an administrator does. */
async function change(spec: object): Promise<void> {
  await kubectl('patch', 'spod', 'spod', '--type=merge', '-p', JSON.stringify({ spec }));
}

/** Changes settings, and waits until all agents have them. */
async function set(spec: object): Promise<void> {
  await change(spec);
  await kubectl('wait', '--for=condition=ready', 'spod', 'spod', '--timeout=120s');
}

async function read(what: string, path: string): Promise<string> {
  return kubectl('get', ...what.split(' '), '-o', `jsonpath=${path}`);
}

async function condition(type: string): Promise<Condition> {
  return JSON.parse((await read('spod spod', `{.status.conditions[?(@.type=="${type}")]}`)) || '{}');
}

/** Looks until it is so; kubectl may fail meanwhile, while what it asks is made again. */
function seen<T>(what: string, look: () => Promise<T | undefined>) {
  return until(what, () => look().catch(() => undefined));
}

async function log(container = 'security-profiles-operator'): Promise<string> {
  return kubectl('logs', 'daemonset/spod', '-c', container);
}

async function args(): Promise<string> {
  return read('daemonset spod', '{.spec.template.spec.containers[0].args}');
}

async function hooks(): Promise<string> {
  const each = '{range .webhooks[*]}{.name} {.failurePolicy} {.objectSelector}{"\\n"}{end}';
  return read('mutatingwebhookconfiguration spo-mutating-webhook-configuration', each);
}

test('the agents run, and the object says so of all nodes', async () => {
  assert.equal(await read('spod spod', '{.status.state}'), 'Running');
  assert.equal((await condition('Ready')).reason, 'Available');
  assert.equal((await condition('Accepted')).status, 'True');
  const covers = await seen('all nodes are covered', async () => {
    const found = await condition('CoversAllNodes');
    return found.status === 'True' ? found : undefined;
  });
  assert.match(covers.message, /1 nodes/);
});

test('what somebody changes is put right, what somebody adds stays', async () => {
  await kubectl('set', 'image', 'daemonset/spod', 'security-profiles-operator=nowhere:1');
  await kubectl('annotate', 'daemonset/spod', 'mine=yes');
  await seen('the image is put right', async () =>
    (await read('daemonset spod', '{.spec.template.spec.containers[0].image}')).includes('syscribe') ? true : undefined,
  );
  assert.equal(await read('daemonset spod', '{.metadata.annotations.mine}'), 'yes');
  assert.match(await read('daemonset spod', '{.spec.template.spec.containers[0].env[*].name}'), /SYSCRIBE_SLOTS/);
  await kubectl('rollout', 'status', 'daemonset/spod', '--timeout=120s');
});

test('verbosity, profiling, insecure metrics, resources and memory optimisation reach the agent', async () => {
  const daemonResourceRequirements = { requests: { memory: '120Mi' }, limits: { memory: '300Mi' } };
  await assert.rejects(fetch(`http://${AGENT}:9443/metrics`), 'metrics are by HTTPS');
  await set({
    ...{ verbosity: 1, enableProfiling: true, enableInsecureMetricsAccess: true, enableMemoryOptimization: true },
    daemonResourceRequirements,
  });
  const said = await log();
  for (const text of ['Set logging verbosity to 1', 'Profiling support enabled: true', 'asked the API server'])
    assert.ok(said.includes(text), text);
  const metrics = await fetch(`http://${AGENT}:9443/metrics-spod`);
  assert.equal(metrics.status, 200);
  assert.match(await metrics.text(), /security_profiles_operator_/);
  const profile = await (await fetch(`http://${AGENT}:6060/debug/pprof/profile?seconds=1`)).json();
  assert.ok(Array.isArray((profile as { nodes?: unknown }).nodes));
  assert.equal((await fetch(`http://${AGENT}:6060/debug/pprof/heap`)).status, 200);
  const resources = await read('daemonset spod', '{.spec.template.spec.containers[0].resources}');
  assert.deepEqual(JSON.parse(resources), daemonResourceRequirements);
  assert.match(await args(), /--with-mem-optim=true.*--with-insecure-metrics-access=true/);

  const { apply, final, ended, eyes } = cluster;
  await apply(namespace('few'), recording('few', 'few'));
  const one = (name: string, labels: object) => {
    const made = pod('few', name, 'few', podSpec([{ name, script: 'mkdir /tmp/x' }])) as PodObject;
    return { ...made, metadata: { ...made.metadata, labels: { ...made.metadata.labels, ...labels } } };
  };
  await apply(one('plain', {}), one('labelled', { 'spo.x-k8s.io/enable-recording': 'true' }));
  await Promise.all([ended('few/plain'), ended('few/labelled')]);
  assert.ok(!isPartial(await final('few-labelled')));
  // It would have come with the other.
  assert.equal(eyes.profiles.get('few-plain'), undefined);

  await set({
    ...{ verbosity: null, enableProfiling: null, enableInsecureMetricsAccess: null, enableMemoryOptimization: null },
    daemonResourceRequirements: null,
  });
  assert.doesNotMatch(await log(), /verbosity|Profiling/);
  await assert.rejects(fetch(`http://${AGENT}:6060/debug/pprof/heap`));
});

test('webhook options change the webhook that they name, until they are removed', async () => {
  const before = await hooks();
  assert.match(before, /^binding.spo.io Fail .*\nrecording.spo.io Ignore /);
  const option = { name: 'binding.spo.io', failurePolicy: 'Ignore', objectSelector: { matchLabels: { team: 'a' } } };
  await set({ webhook: { options: [option] } });
  assert.match(await hooks(), /^binding.spo.io Ignore .*team.*\nrecording.spo.io Ignore \{\}/);

  await set({ webhook: { staticConfig: true } });
  const patch = [{ op: 'replace', path: '/webhooks/1/failurePolicy', value: 'Fail' }];
  const configuration = 'mutatingwebhookconfiguration/spo-mutating-webhook-configuration';
  await kubectl('patch', configuration, '--type=json', '-p', JSON.stringify(patch));
  await set({ webhook: { staticConfig: true, options: [] } });
  assert.match(await hooks(), /recording.spo.io Fail/);

  await set({ webhook: null });
  assert.equal(await hooks(), before);
});

test('what cannot be obeyed is an Error that says which field and why, and the agents run on', async () => {
  const generation = await read('daemonset spod', '{.metadata.generation}');
  const refusals: [object, object, RegExp][] = [
    [{ hostProcVolumePath: '/proc/1' }, { hostProcVolumePath: '/proc' }, /spec\.hostProcVolumePath: .*leave it \/proc/],
    [
      { daemonResourceRequirements: { limits: { memory: '1Mi' }, requests: { memory: '2Mi' } } },
      { daemonResourceRequirements: null },
      /must be less than or equal to memory limit.*: correct daemonResourceRequirements/,
    ],
  ];
  for (const [wrong, right, message] of refusals) {
    await change(wrong);
    await kubectl('wait', '--for=jsonpath={.status.state}=Error', 'spod', 'spod', '--timeout=30s');
    assert.match((await condition('Ready')).message, message);
    const told = () =>
      kubectl('get', 'events', '--field-selector=reason=CannotUpdateSPOD', '-o', 'jsonpath={.items[*].message}');
    await seen(`an event with ${message}`, async () => message.test(await told()) || undefined);
    assert.equal(await read('daemonset spod', '{.metadata.generation}'), generation);
    await set(right);
  }
  await set({ enableAppArmor: true });
  const { status, reason, message } = await condition('Accepted');
  assert.deepEqual([status, reason], ['False', 'NotSupported']);
  assert.match(message, /^spec\.enableAppArmor: /);
  await set({ enableAppArmor: null });
  assert.equal((await condition('Accepted')).status, 'True');
});

test('the log enricher tells what is logged, with its pod, but for what its filter leaves out', async () => {
  const filter = [{ priority: 1, level: 'None', matchKeys: ['syscallName'], matchValues: ['mkdir', 'mkdirat'] }];
  await set({ enableInsecureMetricsAccess: true, enricher: { logEnricherFilters: JSON.stringify(filter) } });
  assert.match(await args(), /--with-recording=true.*Bpf,Logs/);
  await kubectl('patch', 'daemonset', 'spod', '-p', onSharedMachine('log-enricher'));
  await kubectl('rollout', 'status', 'daemonset/spod', '--timeout=120s');
  await cluster.apply(namespace('told'), recording('told', 'told', { recorder: 'Logs' }));
  const script = 'sleep 1; mkdir /tmp/x; ln -s a /tmp/b; sleep 1; rmdir /tmp/x; sleep 1000';
  await cluster.apply(pod('told', 'told', 'told', podSpec([{ name: 'c', script }])));
  const line = await seen(
    'rmdir in the log',
    async () => /^.*"audit".*syscallName="rmdir".*$/m.exec(await log('log-enricher'))?.[0],
  );
  for (const part of ['type="seccomp"', 'namespace="told"', 'pod="told"', 'container="c"'])
    assert.ok(line.includes(part), line);
  assert.doesNotMatch(await log('log-enricher'), /syscallName="mkdir/);
  const labels = 'node="node-1",namespace="told",pod="told",container="c",syscall="rmdir"';
  await seen('rmdir is counted once', async () => {
    const metrics = await (await fetch(`http://${AGENT}:9443/metrics-spod`)).text();
    return metrics.includes(`security_profiles_operator_seccomp_profile_audit_total{${labels}} 1\n`) || undefined;
  });
  await set({ enableInsecureMetricsAccess: null });
});

test('with recorders and enrichers off, the agent has none of their rights, and pods are told', async () => {
  assert.ok(existsSync('/sys/fs/bpf/syscribe-node-1'));
  await set({ enricher: { enableBpfRecorder: false, enableLogEnricher: false } });
  assert.equal(await read('daemonset spod', '{.spec.template.spec.containers[*].name}'), 'security-profiles-operator');
  assert.match(await args(), /--with-recording=false/);
  const rights = await read('daemonset spod', '{.spec.template.spec.containers[0].securityContext.capabilities.add}');
  assert.deepEqual(JSON.parse(rights), ['DAC_READ_SEARCH']);
  assert.notEqual(await read('daemonset spod', '{.spec.template.spec.hostPID}'), 'true');
  // What was pinned for recorder Bpf, which is attached as long as it is.
  assert.ok(!existsSync('/sys/fs/bpf/syscribe-node-1'));
  await cluster.apply(namespace('off'), recording('off', 'off'));
  await cluster.apply(pod('off', 'off', 'off', podSpec([{ name: 'c', script: 'sleep 1000' }])));
  const told = () =>
    cluster.kubectl([
      '-n',
      'off',
      'get',
      'events',
      '--field-selector=reason=RecorderDisabled',
      '-o',
      'jsonpath={.items[*].message}',
    ]);
  await seen(
    'the pod says that the recorder is off',
    async () => (await told()).includes('enableBpfRecorder') || undefined,
  );
});
