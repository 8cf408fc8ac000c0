import type { TestContext } from 'node:test';
import type { NodeStatus, ProfileBinding } from '../../../../src/api/types.ts';
import { type KubeObject, NODES, pathOf, type Resource } from '../../../../src/kube/object.ts';
import { Informer } from '../../../../src/kube/reflector.ts';
import { DAEMON_SETS } from '../../../../src/operator/daemon/daemon-set.ts';
import { watchDaemon } from '../../../../src/operator/daemon/watch.ts';
import { Installations } from '../../../../src/operator/profiles/controller.ts';
import { Reporting } from '../../../../src/operator/profiles/reporting.ts';
import { allNodesOf, BINDINGS, NODE_STATUSES, watchInstallations } from '../../../../src/operator/profiles/view.ts';
import type { ProfileObject } from '../../../../src/operator/recordings/instances.ts';
import { PROFILES } from '../../../../src/operator/recordings/reconciler.ts';
import { serve } from '../../../support/kube.ts';
import { nodeStatus } from './samples.ts';

/**
 * The operator's part for what is installed, of a cluster with these nodes.
 * @param most node statuses
 */
export async function operate(context: TestContext, nodes: readonly string[], most = 100) {
  const { server, client } = await serve(context);
  const put = (resource: Resource, object: KubeObject) => server.objects.adopt(pathOf(resource), object);
  for (const name of nodes) put(NODES, { metadata: { name, uid: name } });
  const agents = { metadata: { name: 'spod', namespace: 'spo' }, status: { desiredNumberScheduled: nodes.length } };
  put(DAEMON_SETS, agents as KubeObject);
  const log = { info: () => {}, warn: () => {} };
  const profiles = new Informer<ProfileObject>({ client, resource: PROFILES });
  const view = watchInstallations(client, log, 'spo');
  const told: string[] = [];
  const events = {
    event: (about: { name: string }, type: string, reason: string, message: string) => {
      told.push(`${about.name} ${type} ${reason}: ${message}`);
      server.changes.tell();
    },
  };
  const { daemons } = watchDaemon(client, log, 'spo');
  const reporting = new Reporting(profiles, () => allNodesOf(view), most);
  const installations = new Installations({ client, log, events, profiles, daemons, view, reporting });
  const stop = new AbortController();
  const run = () => {
    const parts = [
      profiles.run(stop.signal),
      daemons.run(stop.signal),
      installations.watch(stop.signal),
      installations.lead(stop.signal),
    ];
    context.after(async () => {
      stop.abort();
      await Promise.allSettled(parts);
    });
  };
  const find = (name: string) =>
    (server.objects.all(pathOf(PROFILES)) as unknown as ProfileObject[]).find(({ metadata }) => metadata.name === name);
  const bound = (name: string) =>
    (server.objects.all(pathOf(BINDINGS)) as unknown as (ProfileBinding & KubeObject)[]).find(
      ({ metadata }) => metadata.name === name,
    );
  return {
    server,
    told,
    run,
    find,
    bound,
    put,
    tell: (of: string, node: string, status?: NodeStatus['status']) => put(NODE_STATUSES, nodeStatus(of, node, status)),
    until: (condition: () => boolean) => server.changes.until(condition),
    is: (name: string, state: string) => server.changes.until(() => find(name)?.status?.status === state),
  };
}
