import './page.css';

// On its own, before all that is large, so that a failure to load the rest can be told.
import('./main.tsx').catch((error: unknown) => {
  console.error(error);
  const notice = document.querySelector('#root .notice');
  if (notice) notice.textContent = 'GraphiQL could not be loaded. Reload the page to try again.';
});
