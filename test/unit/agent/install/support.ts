import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { InstallMetrics } from '../../../../src/agent/install/metrics.ts';
import { Installs } from '../../../../src/agent/install/reconciler.ts';
import { SeccompInstaller } from '../../../../src/agent/install/seccomp.ts';
import { podOf } from '../../../../src/agent/pods/cluster.ts';
import { Statuses } from '../../../../src/agent/status/statuses.ts';
import type { NodeReport, NodeStatus, SeccompProfile } from '../../../../src/api/types.ts';
import { type Clock, MONOTONIC } from '../../../../src/kube/clock.ts';
import { customResource, type KubeObject, PODS, pathOf } from '../../../../src/kube/object.ts';
import { Informer } from '../../../../src/kube/reflector.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { serve } from '../../../support/kube.ts';

export const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);
export const STATUSES = customResource('securityprofilenodestatuses', 'SecurityProfileNodeStatus', false);
export const REPORTS = customResource('securityprofilenodereports', 'SecurityProfileNodeReport', false);
export const DAEMONS = customResource('securityprofilesoperatordaemons', 'SecurityProfilesOperatorDaemon', true);
const NAMESPACE = 'security-profiles-operator';

type Spec = Partial<SeccompProfile['spec']>;

export function profile(name: string, spec: Spec = {}, metadata: object = {}): SeccompProfile & KubeObject {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SeccompProfile',
    metadata: { name, uid: `uid-of-${name}`, generation: 1, finalizers: ['spo.x-k8s.io/on-nodes'], ...metadata },
    spec: {
      state: 'Enabled',
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }],
      ...spec,
    },
  };
}

/** A pod of this node that uses a profile. */
export function user(name: string, of: string, status: object = { phase: 'Running' }) {
  const seccompProfile = { type: 'Localhost', localhostProfile: `operator/${of}.json` };
  return {
    metadata: { namespace: 'n', name, uid: `uid-of-${name}` },
    spec: { securityContext: { seccompProfile }, containers: [] },
    status,
  };
}

export function limits(allowedSyscalls: string[]) {
  return { metadata: { namespace: NAMESPACE, name: 'spod' }, spec: { security: { allowedSyscalls } } };
}

/**
 * An agent's installer on a node of its own, and the API server that it follows.
 * @param telling the clock by which it tells
 */
export async function node(context: TestContext, telling: Clock = MONOTONIC) {
  const { server, client } = await serve(context);
  const kubelet = mkdtempSync(join(tmpdir(), 'syscribe-install-'));
  context.after(() => rmSync(kubelet, { recursive: true, force: true }));
  const directory = join(kubelet, 'seccomp/operator');
  mkdirSync(directory, { recursive: true });
  const told: string[] = [];
  const clock = new FakeClock();
  const registry = new Registry();
  const log = { info: () => {}, warn: () => {} };
  const tell = server.changes.tell;
  const agent = (name = 'node-1') => {
    const stop = new AbortController();
    const pods = new Informer({ client, resource: PODS }, { transform: podOf });
    const installs = new Installs({
      client,
      node: name,
      installers: [new SeccompInstaller(client, log, { kubeletDirectory: kubelet, namespace: NAMESPACE })],
      statuses: new Statuses({ client, log, node: name, clock: telling }),
      pods,
      events: {
        event: (about, type, reason, message) => {
          told.push(`${about.name} ${type} ${reason}: ${message}`);
          tell();
        },
      },
      metrics: new InstallMetrics(registry, registry.getMetricsAsArray().length === 0 ? ['seccomp'] : []),
      log,
      rollouts: { ready: async () => {}, installed: () => {}, of: () => undefined, onChange: () => {} },
      clock,
    });
    const running = Promise.all([pods.run(stop.signal), installs.run(stop.signal)]);
    const end = async () => {
      stop.abort();
      await running;
    };
    context.after(end);
    return { end, installs };
  };
  const statuses = () => server.objects.all(pathOf(STATUSES)) as unknown as (NodeStatus & KubeObject)[];
  const status = (of: string) =>
    statuses().find(({ metadata }) => metadata.ownerReferences?.some(({ name }) => name === of));
  return {
    server,
    agent,
    clock,
    directory,
    told,
    registry,
    statuses,
    status,
    /** What this node's report says of a profile. */
    reported: (of: string) =>
      (server.objects.all(pathOf(REPORTS))[0] as unknown as NodeReport | undefined)?.status?.profiles?.[
        `SeccompProfile/${of}`
      ],
    path: (name: string) => join(directory, `${name}.json`),
    file: (name: string) =>
      existsSync(join(directory, `${name}.json`))
        ? JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8'))
        : undefined,
    files: () => readdirSync(directory).sort(),
    put: (object: KubeObject, resource = PROFILES) => server.objects.adopt(pathOf(resource), object),
    until: (condition: () => boolean) => server.changes.until(condition),
    /** Until a profile's node status says so. */
    is: (of: string, state: string) => server.changes.until(() => status(of)?.status?.status === state),
    gone: (of: string) => server.changes.until(() => status(of) === undefined),
    tells: (text: string) => server.changes.until(() => told.some((line) => line.includes(text))),
  };
}
