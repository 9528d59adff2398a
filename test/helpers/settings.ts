/** Settings of a gateway or a command that calls an API with a key of its own. */
export const settingsOf = (url: string, project = '1', key = 'k') => ({
  DATATRICS_URL: url,
  DATATRICS_PROJECT: project,
  DATATRICS_API_KEY: key,
  AUTH_MODE: 'open',
});
