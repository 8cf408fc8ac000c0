import type { Resource } from '../kube/object.ts';

/** The name of the operator, of its account, and of the one namespace that an installation can be in. */
export const OPERATOR = 'security-profiles-operator';
export const WEBHOOK = `${OPERATOR}-webhook`;

/** Types of Kubernetes' own that an installation is made of. */
function type(group: string, plural: string, kind: string, namespaced: boolean): Resource {
  return { group, version: 'v1', plural, kind, namespaced };
}

const ADMISSION = 'admissionregistration.k8s.io';

export const DAEMON_SETS = type('apps', 'daemonsets', 'DaemonSet', true);
export const DEPLOYMENTS = type('apps', 'deployments', 'Deployment', true);
export const DEFINITIONS = type('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition', false);
export const CONFIGURATIONS = type(ADMISSION, 'mutatingwebhookconfigurations', 'MutatingWebhookConfiguration', false);
export const POLICIES = type(ADMISSION, 'validatingadmissionpolicies', 'ValidatingAdmissionPolicy', false);
export const POLICY_BINDINGS = type(
  ADMISSION,
  'validatingadmissionpolicybindings',
  'ValidatingAdmissionPolicyBinding',
  false,
);
