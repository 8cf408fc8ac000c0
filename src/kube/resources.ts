import type { Resource } from './object.ts';

/** Types of Kubernetes' own that an installation is made of. */
function type(group: string, plural: string, kind: string, namespaced: boolean): Resource {
  return { group, version: 'v1', plural, kind, namespaced };
}

const ADMISSION = 'admissionregistration.k8s.io';
const RBAC = 'rbac.authorization.k8s.io';

export const DEFINITIONS = type('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition', false);
export const MUTATING = type(ADMISSION, 'mutatingwebhookconfigurations', 'MutatingWebhookConfiguration', false);
export const VALIDATING = type(ADMISSION, 'validatingwebhookconfigurations', 'ValidatingWebhookConfiguration', false);
export const POLICIES = type(ADMISSION, 'validatingadmissionpolicies', 'ValidatingAdmissionPolicy', false);
export const POLICY_BINDINGS = type(
  ADMISSION,
  'validatingadmissionpolicybindings',
  'ValidatingAdmissionPolicyBinding',
  false,
);
export const DEPLOYMENTS = type('apps', 'deployments', 'Deployment', true);
export const DAEMON_SETS = type('apps', 'daemonsets', 'DaemonSet', true);
export const REPLICA_SETS = type('apps', 'replicasets', 'ReplicaSet', true);
export const CONFIG_MAPS = type('', 'configmaps', 'ConfigMap', true);
export const SERVICES = type('', 'services', 'Service', true);
export const SERVICE_ACCOUNTS = type('', 'serviceaccounts', 'ServiceAccount', true);
export const ROLES = type(RBAC, 'roles', 'Role', true);
export const ROLE_BINDINGS = type(RBAC, 'rolebindings', 'RoleBinding', true);
export const CLUSTER_ROLES = type(RBAC, 'clusterroles', 'ClusterRole', false);
export const CLUSTER_ROLE_BINDINGS = type(RBAC, 'clusterrolebindings', 'ClusterRoleBinding', false);
export const DISRUPTION_BUDGETS = type('policy', 'poddisruptionbudgets', 'PodDisruptionBudget', true);
export const JOBS = type('batch', 'jobs', 'Job', true);
