/** The name of the operator, of its account, and of the one namespace that an installation can be in. */
export const OPERATOR = 'security-profiles-operator';
export const WEBHOOK = `${OPERATOR}-webhook`;
