import DefaultTheme from 'vitepress/theme-without-fonts';
import './style.css';

/** The default theme with the fonts that the reader has: nothing is loaded from anywhere else. */
export default DefaultTheme;
