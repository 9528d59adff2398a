export const PROFILE = 'id profileId source name firstName lastName email country createdAt updatedAt attributes';
export const CONTENT =
  'id contentId source type name description shortDescription url imageUrl itemType objectType createdAt updatedAt attributes';
export const ITEM = 'itemId name price quantity total attributes';
export const CONVERSION = `id conversionId source profileId email total createdAt updatedAt attributes items { ${ITEM} }`;
export const INTERACTION = 'id interactionId source objectType event occurredAt profileId emailId attributes';

/** The list of each type, its name and fields. */
export const LISTS = [
  ['conversions', 'Conversion', CONVERSION],
  ['profiles', 'Profile', PROFILE],
  ['contents', 'Content', CONTENT],
  ['interactions', 'Interaction', INTERACTION],
] as const;

/** One profile, with these fields. */
export const profile = (fields: string): string => `profile(profileId: "1001", source: "Webshop") { ${fields} }`;
