/** Takes a file of the API's to the person's disk; the browser sends the login along. */

export function save(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
