/** Turns what was measured in clusters into their section of the page. */
import { cpus } from 'node:os';
import { type ApiRequest, countKinds, listsOfAllPods } from './kubernetes-audit.ts';
import { MANY_PROFILES } from './kubernetes-install.ts';
import { type Component, MANY, type NodeFigures, SHORT_PODS } from './kubernetes-node.ts';
import type { ScaleFigures } from './kubernetes-scale.ts';
import { AT_ONCE, CROWD, type Phase, type SpreadFigures } from './kubernetes-spread.ts';
import { table } from './report.ts';
import { quantile } from './stats.ts';

export interface Kubernetes {
  readonly node: NodeFigures;
  readonly scale: ScaleFigures;
  readonly spread: SpreadFigures;
  /** Load averages before, between and behind the parts. */
  readonly loads: readonly number[];
}

/** Of the agent, in kB: 110 MB. */
const MEMORY = 107_421;
const CPU = 0.002; // of a core
const LATENCY = 10; // milliseconds
const REQUESTS = 4; // of a short pod
/** What components ask for without any pod: their leases, and their certificates. */
const STANDING = /^(leases|secrets|(mutating|validating)webhookconfigurations|customresourcedefinitions)$/;

export function kubernetesSection({ node, scale, spread, loads }: Kubernetes): string {
  const pods = podRequests(node.recorded);
  const installed = podRequests(node.installed);
  const perPod = pods.length / SHORT_PODS;
  const cpu = (part: number) => `${(part * 100).toFixed(2)} %`;
  const webhook = quantile(node.webhook, 0.99);
  const everything = [...node.all, ...scale.all, ...spread.all];
  const targets = [
    row(
      'agent, resident, nothing recorded',
      kB(node.idle.resident.agent),
      `≤ ${kB(MEMORY)}`,
      node.idle.resident.agent <= MEMORY,
    ),
    row(
      `agent, resident, ${MANY.pods * MANY.containers} containers recorded`,
      kB(node.many.resident.agent),
      `≤ ${kB(MEMORY)}`,
      node.many.resident.agent <= MEMORY,
    ),
    row('agent, CPU, nothing recorded', cpu(node.idle.cpu), `< ${cpu(CPU)}`, node.idle.cpu < CPU),
    row(
      'requests of agent, operator and webhook per short pod that is recorded',
      perPod.toFixed(2),
      `≤ ${REQUESTS}`,
      perPod <= REQUESTS,
    ),
    row('webhook, 99th percentile', `${webhook.toFixed(1)} ms`, `< ${LATENCY} ms`, webhook < LATENCY),
  ];
  return `Measured on ${new Date().toISOString().slice(0, 10)} in clusters that run on this machine as a whole (etcd, API server with
an audit log, kubelet, containerd; ${cpus().length} processors for all of it). Load average before, between and behind the parts: ${loads
    .map((load) => load.toFixed(1))
    .join(', ')}.

${table(['', '', 'target', ''], targets)}

### One node

Installed as users do (\`deploy/\`), agent, operator and webhook run as pods of the image. Resident memory (VmRSS) of the
largest replica, after 30 s without news, and CPU over the last 20 s of them:

${restTable(node)}

The agent's memory at its most: ${kB(node.peak)}.

${SHORT_PODS} pods of about a second, one after the other, recorded by eBPF. From the pod's end, as a watch tells it, to its profile without the
partial label, as a watch of the same client tells it: median ${quantile(node.whole, 0.5).toFixed(0)} ms, 99th percentile ${quantile(node.whole, 0.99).toFixed(0)} ms.

Requests that the API server's audit log has of syscribe for such pods, by user agent, statuses and events included, leases
and certificates left out. Recorded alone (mergeStrategy Containers: what is not merged to the end is on no node):

${kindTable(pods, SHORT_PODS)}

Recorded, and the profile of each installed on the node (mergeStrategy None):

${kindTable(installed, SHORT_PODS)}

${node.webhook.length} calls of the webhook for a pod that is recorded, over one connection: median ${quantile(node.webhook, 0.5).toFixed(1)} ms, 99th percentile ${webhook.toFixed(1)} ms.

### Profiles on one node

${installText(node)}

### Many nodes, by simulation

${scaleText(scale)}

### Profiles on many nodes, by simulation

${spreadText(spread)}

Lists of all pods that any component asked for, in all of these: ${listsOfAllPods(everything)} of ${lists(everything)} lists of pods; the
others name a node, those that have none, or the namespace of the agents.
`;
}

function podRequests(requests: readonly ApiRequest[]): ApiRequest[] {
  return requests.filter(({ resource }) => !STANDING.test(resource));
}

function lists(requests: readonly ApiRequest[]): number {
  return requests.filter(({ verb, resource }) => verb === 'list' && resource === 'pods').length;
}

function row(what: string, value: string, target: string, met: boolean): string[] {
  return [what, value, target, met ? 'met' : 'missed'];
}

function restTable({ idle, many }: NodeFigures): string {
  const line = (component: Component) => [component, kB(idle.resident[component]), kB(many.resident[component])];
  const cpu = ['agent, CPU', ...[idle, many].map((rest) => `${(rest.cpu * 100).toFixed(2)} % of a core`)];
  const head = ['', 'no namespace labelled', `${MANY.pods} pods of ${MANY.containers} containers recorded`];
  return table(head, [line('agent'), line('operator'), line('webhook'), cpu]);
}

function kindTable(requests: readonly ApiRequest[], pods: number, per = 'per pod'): string {
  const rows = countKinds(requests).map(([kind, count]) => [`\`${kind}\``, `${count}`, (count / pods).toFixed(2)]);
  const all = ['all', `${requests.length}`, (requests.length / pods).toFixed(2)];
  return table(['', 'requests', per], [...rows, all]);
}

function scaleText({ nodes, pods, seconds, operator, restarts, requests }: ScaleFigures): string {
  const asked = podRequests(requests);
  const perSecond = [...Map.groupBy(asked, ({ at }) => Math.floor(at / 1000)).values()].map(({ length }) => length);
  const rate = asked.filter(({ at }) => at <= (requests[0]?.at ?? 0) + seconds.all * 1000).length / seconds.all;
  return `${nodes} agents by the agent's own code (its views of the cluster, journal, publisher and events, each with connections of its
own), the real operator as the image runs it, and a real API server. What containers call is made up. ${pods} pods of a second,
one of each of ${pods / nodes} recordings on each node, end within 30 s; the first recording merges (mergeStrategy Containers).
Everything of it shares ${cpus().length} processors, and the agents' certificates are an administrator's, whom the API server does not throttle.

${table(
  ['', ''],
  [
    ['until all agents have written', `${seconds.written.toFixed(1)} s`],
    [`until ${nodes} instances of one recording are merged`, `${seconds.merged.toFixed(1)} s`],
    ['until all profiles are as they stay', `${seconds.all.toFixed(1)} s`],
    ['requests per second, on average', rate.toFixed(0)],
    ['requests per second, at most', `${Math.max(...perSecond)}`],
    ['operator, resident, at its most', kB(operator)],
    ['times that the operator lost its lease, and was started anew', `${restarts}`],
  ],
)}

${kindTable(asked, pods)}`;
}

function installText({ install, profiles }: NodeFigures): string {
  const { single, many, agent, operator, binding } = install;
  const milliseconds = (values: readonly number[], part: number) => `${quantile(values, part).toFixed(1)} ms`;
  const asked = podRequests(profiles);
  return `From a profile's creation to its Installed status, by one client: the agent writes the file, tells it by a node status, the operator
gathers those, at most every 200 ms. \`binding.spo.io\` is called as the other webhook above.

${table(
  ['', ''],
  [
    [`${single.length} profiles, one after the other: median`, milliseconds(single, 0.5)],
    ['99th percentile', milliseconds(single, 0.99)],
    [`${MANY_PROFILES} profiles at once: until all are Installed`, `${(many / 1000).toFixed(1)} s`],
    [`requests for each of the ${MANY_PROFILES}`, (asked.length / MANY_PROFILES).toFixed(2)],
    [`agent, resident, with ${MANY_PROFILES + single.length} profiles on its node`, kB(agent)],
    ['operator, resident', kB(operator)],
    ['binding webhook: median', milliseconds(binding, 0.5)],
    ['99th percentile', milliseconds(binding, 0.99)],
  ],
)}

${kindTable(asked, MANY_PROFILES, 'per profile')}`;
}

function spreadText({ nodes, one, many, changed, rest, crowd, kept, operator, all }: SpreadFigures): string {
  const row = (what: string, { seconds, requests }: Phase) => {
    const asked = podRequests(requests);
    const perSecond = [...Map.groupBy(asked, ({ at }) => Math.floor(at / 1000)).values()].map(({ length }) => length);
    return [what, `${seconds.toFixed(1)} s`, `${asked.length}`, `${Math.max(0, ...perSecond)}`];
  };
  const rows = [
    row(`a profile, Installed on ${nodes} nodes`, one),
    row(`${AT_ONCE} profiles at once`, many),
    row('a change of one', changed),
    row('nothing', rest),
    row('agents start anew', crowd.start),
    row(`${CROWD} profiles more at once`, crowd.many),
    row('a change of one of them', crowd.changed),
    row('nothing', crowd.rest),
  ];
  const conflicts = all.filter(({ code }) => code === 409).length;
  const size = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return `${nodes} agents by the agent's own code for profiles, which writes files below a directory for each node, with connections of its own; no
kubelet and no pods. Requests are those of agents and operator, as above; that a watch ends and begins anew is one.

${table(['what happens', 'until then', 'requests', 'at most in a second'], rows)}

From there on where agents start anew their code writes no files: 500,000 of them are more than one machine is for. Of ${CROWD} profiles more, the
first have node statuses, as long as these are 2,000 at most; of the others nodes tell in their reports.

${table(
  ['at the end', ''],
  [
    ['node statuses', `${kept.statuses}`],
    ['reports', `${kept.reports}`],
    ['kept by etcd', size(kept.stored)],
    ['events of profiles, node statuses and reports that were to be watched', size(kept.watched)],
    ['writes that were refused for another, or since it was there already (409)', `${conflicts}`],
    ['the operator’s memory at its most', kB(operator)],
  ],
)}

${kindTable(podRequests(crowd.many.requests), CROWD, 'per profile')}`;
}

function kB(value: number): string {
  return `${value.toLocaleString('en')} kB`;
}
