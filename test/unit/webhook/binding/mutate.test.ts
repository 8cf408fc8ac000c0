import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isBuilt } from '../../../../src/api/built.ts';
import type { ProfileBinding } from '../../../../src/api/types.ts';
import { bindingsFor, bindPod } from '../../../../src/webhook/binding/mutate.ts';
import { type BoundProfile, referenceTo } from '../../../../src/webhook/binding/reference.ts';
import type { Container, Pod } from '../../../../src/webhook/pod/pod.ts';
import { pod } from '../pod/samples.ts';

type Spec = ProfileBinding['spec'];

function binding(
  name: string,
  image: string,
  ref: Partial<Spec['profileRef']> = {},
  more: object = {},
): ProfileBinding {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'ProfileBinding',
    metadata: { name, namespace: 'default', ...more },
    spec: { image, profileRef: { kind: 'SeccompProfile', name: 'web', ...ref } },
  };
}

const INSTALLED: BoundProfile = {
  metadata: { name: 'web' },
  status: { status: 'Installed', localhostProfile: 'operator/web.json', usage: 'web.process' },
};
const SECCOMP = { type: 'Localhost', localhostProfile: 'operator/web.json' };

function bind(
  given: Pod,
  bindings: readonly ProfileBinding[],
  {
    profile = INSTALLED,
    labels = {},
    before,
    installed = () => true,
  }: {
    profile?: BoundProfile;
    labels?: Record<string, string>;
    before?: Pod;
    installed?: (kind: Spec['profileRef']['kind']) => boolean;
  } = {},
) {
  const referred = bindingsFor(given, bindings).map(
    (one) => [one, referenceTo(one.spec.profileRef, profile, installed)] as const,
  );
  return bindPod(given, referred, { namespace: 'default', namespaceLabels: labels, ...(before && { before }) });
}

const reasons = ({ events }: ReturnType<typeof bind>) =>
  events.map(({ binding: { metadata }, reason }) => `${metadata.name} ${reason}`);
const web = (more: Partial<Container> = {}): Container => ({ name: 'web', image: 'nginx:1', ...more });

test('containers of the image get the profile, init containers too, and others do not', () => {
  const given = pod([web(), { name: 'side', image: 'nginx:2' }], { initContainers: [web({ name: 'init' })] });
  const result = bind(given, [binding('b', 'nginx:1')]);
  assert.deepEqual(result.pod.spec, {
    containers: [web({ securityContext: { seccompProfile: SECCOMP } }), { name: 'side', image: 'nginx:2' }],
    initContainers: [web({ name: 'init', securityContext: { seccompProfile: SECCOMP } })],
  });
  assert.deepEqual([result.events, result.warnings], [[], []]);
});

for (const kind of ['SelinuxProfile', 'AppArmorProfile'] as const)
  for (const image of ['nginx:1', '*'])
    test(`${kind}s are not installed: a binding of ${image} to one changes nothing and says so`, () => {
      const given = pod([web()]);
      const result = bind(given, [binding('b', image, { kind }), binding('c', image)], { installed: isBuilt });
      const seccomp = bind(given, [binding('c', image)]);
      assert.deepEqual(result.pod, seccomp.pod);
      assert.deepEqual(reasons(result), ['b KindNotBuilt']);
      const message = `binding b: ${kind}s are not installed by this version: pod web does not get it`;
      assert.deepEqual(result.warnings, [message]);
    });

test('each kind is given by its own field, several at once', () => {
  const all = [
    binding('a', 'nginx:1'),
    binding('b', 'nginx:1', { kind: 'SelinuxProfile' }),
    binding('c', 'nginx:1', { kind: 'AppArmorProfile' }),
  ];
  const given = pod([web()], { securityContext: { seLinuxOptions: { level: 's0:c1' } } });
  assert.deepEqual(bind(given, all).pod.spec.containers[0]?.securityContext, {
    seccompProfile: SECCOMP,
    seLinuxOptions: { level: 's0:c1', type: 'web.process' },
    appArmorProfile: { type: 'Localhost', localhostProfile: 'web' },
  });
});

test('* is given to the pod beside what images are given, one of each kind, and never over what the pod says', () => {
  const all = [
    binding('image', 'nginx:1', { name: 'x' }),
    binding('any', '*'),
    binding('se', '*', { kind: 'SelinuxProfile' }),
  ];
  const { pod: bound } = bind(pod([web(), { name: 'side', image: 'other' }]), all);
  assert.deepEqual(bound.spec.securityContext, { seccompProfile: SECCOMP, seLinuxOptions: { type: 'web.process' } });
  assert.ok(bound.spec.containers[0]?.securityContext?.seccompProfile);
  const own = pod([web()], { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } });
  assert.equal(bind(own, [binding('any', '*')]).pod, own);
});

test('a container’s own profile gives way, and that is told', () => {
  const own = web({ securityContext: { privileged: true, seccompProfile: { type: 'Unconfined' } } });
  const result = bind(pod([own]), [binding('b', 'nginx:1')]);
  assert.deepEqual(result.pod.spec.containers[0]?.securityContext, { privileged: true, seccompProfile: SECCOMP });
  assert.deepEqual(reasons(result), ['b SecurityContextAlreadySet']);
});

test('binding what is bound changes nothing: the API server may ask again', () => {
  const given = pod([web()], { initContainers: [web({ name: 'init' })] });
  const all = [binding('b', 'nginx:1'), binding('any', '*', { kind: 'AppArmorProfile' })];
  const once = bind(given, all);
  const twice = bind(once.pod, all);
  assert.deepEqual(twice.pod, once.pod);
  assert.deepEqual(twice.events, []);
});

test('of two bindings of one kind the oldest has it, and the other is told', () => {
  const old = binding('z', 'nginx:1', {}, { creationTimestamp: '2026-01-01T00:00:00Z' });
  const fresh = binding('a', 'nginx:1', { name: 'other' }, { creationTimestamp: '2026-01-02T00:00:00Z' });
  const result = bind(pod([web()]), [fresh, old]);
  assert.deepEqual(result.pod.spec.containers[0]?.securityContext, { seccompProfile: SECCOMP });
  assert.deepEqual(reasons(result), ['a BoundByAnother']);
});

for (const [what, profile, reason] of [
  [
    'is still being recorded',
    { metadata: { name: 'web', labels: { 'spo.x-k8s.io/partial': 'true' } } },
    'ProfilePartial',
  ],
  ['is disabled', { ...INSTALLED, spec: { state: 'Disabled' } }, 'ProfileDisabled'],
] as const)
  test(`a profile that ${what} is given to nothing, and that is told`, () => {
    const given = pod([web()]);
    const result = bind(given, [binding('b', 'nginx:1')], { profile });
    assert.equal(result.pod, given);
    assert.deepEqual(reasons(result), [`b ${reason}`]);
    assert.equal(result.warnings.length, 1);
  });

test('there is no such profile: told', () => {
  const given = pod([web()]);
  const none = bindPod(given, [[binding('b', '*'), referenceTo({ kind: 'SeccompProfile', name: 'web' }, undefined)]], {
    namespace: 'default',
    namespaceLabels: {},
  });
  assert.deepEqual([none.pod, reasons(none)], [given, ['b ProfileNotFound']]);
});

test('a profile that is not installed yet is given by where it will be, with a warning', () => {
  const { pod: bound, warnings } = bind(pod([web()]), [binding('b', 'nginx:1')], {
    profile: { metadata: { name: 'web' } },
  });
  assert.deepEqual(bound.spec.containers[0]?.securityContext, { seccompProfile: SECCOMP });
  assert.match(warnings.join(), /^binding b: SeccompProfile web is not installed on every node yet$/);
});

test('podSelector chooses pods; one that cannot be read is told and binds nothing', () => {
  const selecting = (podSelector: Spec['podSelector'] & object): ProfileBinding => {
    const one = binding('b', 'nginx:1');
    return { ...one, spec: { ...one.spec, podSelector } };
  };
  const given = pod([web()]);
  assert.ok(bind(given, [selecting({ matchLabels: { app: 'web' } })]).pod !== given);
  assert.equal(bind(given, [selecting({ matchLabels: { app: 'no' } })]).pod, given);
  const wrong = bind(given, [selecting({ matchLabels: { 'a b': '' } })]);
  assert.deepEqual([wrong.pod === given, reasons(wrong)], [true, ['b InvalidPodSelector']]);
});

test('a binding that is being deleted, Windows pods and mirrors are left alone', () => {
  const given = pod([web()]);
  assert.equal(bind(given, [binding('b', 'nginx:1', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' })]).pod, given);
  const windows = pod([web()], { os: { name: 'windows' } });
  assert.equal(bind(windows, [binding('b', '*')]).pod, windows);
});

test('an ephemeral container that is added gets the profile; nothing else of a pod that runs is touched', () => {
  const before = pod([web()], { ephemeralContainers: [web({ name: 'old' })] });
  const after = pod([web()], { ephemeralContainers: [web({ name: 'old' }), web({ name: 'new' })] });
  const { pod: bound } = bind(after, [binding('b', 'nginx:1'), binding('any', '*', { kind: 'AppArmorProfile' })], {
    before,
  });
  assert.deepEqual(bound.spec, {
    containers: [web()],
    ephemeralContainers: [web({ name: 'old' }), web({ name: 'new', securityContext: { seccompProfile: SECCOMP } })],
  });
});

test('what records from the log keeps its profile only where the namespace says that stricter ones give way', () => {
  const logs = { type: 'Localhost', localhostProfile: 'operator/log-enricher-trace.json' };
  const recorded: Pod = {
    ...pod([web({ securityContext: { seccompProfile: logs } })]),
    metadata: { name: 'web', annotations: { 'io.containers.trace-logs/web': 'rec_web_bbbbb_1' } },
  };
  const labels = { 'spo.x-k8s.io/enable-recording': 'override' };
  assert.equal(
    bind(recorded, [binding('b', 'nginx:1')], { labels }).pod.spec.containers[0],
    recorded.spec.containers[0],
  );
  const dodging = bind(recorded, [binding('b', 'nginx:1')]);
  assert.deepEqual(dodging.pod.spec.containers[0]?.securityContext, { seccompProfile: SECCOMP });
});

test('Pod Security Admission refuses types of our own: the pod’s maker is told why', () => {
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
  const { warnings } = bind(pod([web()]), [binding('b', '*', { kind: 'SelinuxProfile' })], { labels });
  assert.match(warnings.join(), /pod security level baseline of namespace default refuses/);
});

test('property: every container of a bound image has the profile, and no other container is touched', () => {
  const image = fc.constantFrom('a', 'b', 'c');
  const container = fc.record({ image, privileged: fc.boolean() });
  fc.assert(
    fc.property(fc.array(container, { minLength: 1, maxLength: 5 }), fc.uniqueArray(image), (containers, bound) => {
      const given = pod(
        containers.map(({ image: from, privileged }, index) => ({
          name: `c${index}`,
          image: from,
          securityContext: { privileged },
        })),
      );
      const result = bind(
        given,
        bound.map((from) => binding(`b-${from}`, from)),
      );
      for (const [index, one] of result.pod.spec.containers.entries()) {
        const before = given.spec.containers[index] as Container;
        const wanted = bound.includes(before.image as never) ? { seccompProfile: SECCOMP } : {};
        assert.deepEqual(one, { ...before, securityContext: { ...before.securityContext, ...wanted } });
      }
    }),
  );
});
