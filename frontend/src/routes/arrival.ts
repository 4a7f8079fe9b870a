/** What stood in the address when the page was loaded: the router rewrites it, and reads numbers. */

export const arrivedWith = window.location.search;
