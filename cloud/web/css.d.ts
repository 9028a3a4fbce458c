/** Style sheets that the bundler collects into main.css. */
declare module '*.css';
