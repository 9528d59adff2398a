import './page.css';

// A separate small module, so that the page can report a failure to load the rest.
import('./main.tsx').catch((error: unknown) => {
  console.error(error);
  const notice = document.querySelector('#root .notice');
  if (notice) notice.textContent = 'GraphiQL could not be loaded. Reload the page to try again.';
});
