import { GROUP } from '../api/crd.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject } from '../kube/object.ts';
import { DEPLOYMENTS } from '../kube/resources.ts';
import { find } from './list.ts';
import { OPERATOR } from './names.ts';

type Client = Pick<KubeClient, 'get' | 'request'>;

/** What a part of the installation has to be allowed, in the words of RBAC. */
interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name?: string;
  /** Where: the installation's namespace, those that it may see, or the cluster. */
  readonly of: 'own' | 'seen' | 'cluster';
}

interface Part {
  readonly part: 'agents' | 'operator' | 'webhook';
  /** Its service account. */
  readonly account: string;
  readonly rights: readonly Right[];
}

const ours = (verb: string, resource: string, of: Right['of'] = 'cluster'): Right => ({
  verb,
  group: GROUP,
  resource,
  of,
});

/** Of what deploy/ gives, what each part does nothing without: at least one right of each of its roles. */
const PARTS: readonly Part[] = [
  {
    part: 'agents',
    account: 'spod',
    rights: [
      { verb: 'watch', group: '', resource: 'pods', of: 'seen' },
      ours('watch', 'profilerecordings', 'seen'),
      ours('watch', 'seccompprofiles'),
      ours('create', 'seccompprofiles'),
      ours('patch', 'securityprofilenodestatuses/status'),
      ours('watch', 'securityprofilesoperatordaemons', 'own'),
    ],
  },
  {
    part: 'operator',
    account: OPERATOR,
    rights: [
      ours('watch', 'profilerecordings', 'seen'),
      ours('watch', 'securityprofilenodestatuses'),
      ours('create', 'seccompprofiles'),
      ours('patch', 'seccompprofiles/status'),
      {
        ...{ verb: 'patch', group: 'admissionregistration.k8s.io', resource: 'mutatingwebhookconfigurations' },
        ...{ name: 'spo-mutating-webhook-configuration', of: 'cluster' },
      },
      { verb: 'patch', group: 'apps', resource: 'daemonsets', name: 'spod', of: 'own' },
    ],
  },
  {
    part: 'webhook',
    account: 'spo-webhook',
    rights: [
      ours('watch', 'profilerecordings', 'seen'),
      ours('watch', 'profilebindings', 'seen'),
      ours('get', 'seccompprofiles'),
      {
        ...{ verb: 'patch', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
        ...{ name: `seccompprofiles.${GROUP}`, of: 'cluster' },
      },
      { verb: 'update', group: '', resource: 'secrets', name: 'webhook-server-cert', of: 'own' },
    ],
  },
];

interface Operator extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env?: readonly { readonly name: string; readonly value?: string }[];
        }[];
      };
    };
  };
}

interface Review {
  readonly status?: { readonly allowed?: boolean };
}

/** What a part may not do that it has to. */
export interface PartRights {
  readonly part: Part['part'];
  readonly account: string;
  readonly missing: readonly string[];
}

/** Asks the API server, which knows all roles and bindings, about each part. */
export async function missingRights(client: Client): Promise<PartRights[]> {
  const seen = await seenNamespaces(client);
  return Promise.all(
    PARTS.map(async ({ part, account, rights }) => {
      const questions = rights.flatMap((right) => placesOf(right, seen).map((namespace) => ({ right, namespace })));
      const answers = await Promise.all(
        questions.map(async ({ right, namespace }) =>
          (await may(client, account, right, namespace)) ? [] : [wordsOf(right, namespace)],
        ),
      );
      return { part, account, missing: answers.flat() };
    }),
  );
}

/** Namespaces that the installation is restricted to; undefined: it may see all. */
async function seenNamespaces(client: Client): Promise<readonly string[] | undefined> {
  const operator = await find<Operator>(client, DEPLOYMENTS, { namespace: OPERATOR, name: OPERATOR });
  const env = operator?.spec.template.spec.containers.flatMap((container) => container.env ?? []) ?? [];
  const value = env.find(({ name }) => name === 'RESTRICT_TO_NAMESPACE')?.value ?? '';
  const names = value.split(',').flatMap((name) => name.trim() || []);
  return names.length > 0 ? names : undefined;
}

/** Namespaces to ask about; an empty one: all of the cluster. */
function placesOf({ of }: Right, seen: readonly string[] | undefined): readonly string[] {
  if (of === 'own') return [OPERATOR];
  return of === 'seen' && seen ? seen : [''];
}

async function may(client: Client, account: string, right: Right, namespace: string): Promise<boolean> {
  const { verb, group, resource: whole, name } = right;
  const [resource, subresource] = whole.split('/');
  const accounts = 'system:serviceaccounts';
  const spec = {
    user: `system:serviceaccount:${OPERATOR}:${account}`,
    groups: [accounts, `${accounts}:${OPERATOR}`, 'system:authenticated'],
    resourceAttributes: { verb, group, resource, subresource, name, namespace },
  };
  const kind = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  const { status } = await client.request<Review>('POST', path, { body: { ...kind, metadata: {}, spec } });
  return status?.allowed ?? false;
}

function wordsOf({ verb, resource, of }: Right, namespace: string): string {
  return `${verb} ${resource}${of === 'seen' && namespace !== '' ? ` in ${namespace}` : ''}`;
}
