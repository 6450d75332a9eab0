const table = document.querySelector('#everybody'), rows = [...table.tBodies[0].rows];
const search = document.querySelector('#search'), shown = document.querySelector('#shown');
const clear = document.querySelector('#clear'), filters = document.querySelectorAll('[data-filter]');
let tag = '';

function show() {
  const words = search.value.toLocaleLowerCase().normalize('NFC');
  let count = 0;
  for (const row of rows) {
    const text = row.textContent.toLocaleLowerCase().normalize('NFC');
    const fits = text.includes(words) && (!tag || row.dataset.tags.split(' ').includes(tag));
    row.hidden = !fits;
    count += fits;
  }
  shown.textContent = count === rows.length ? '' : `${count} / ${rows.length}`;
  clear.hidden = !tag && !search.value;
  filters.forEach(button => button.setAttribute('aria-pressed', String(button.dataset.filter === tag)));
}
search.addEventListener('input', show);
clear.addEventListener('click', () => { tag = ''; search.value = ''; show(); });
filters.forEach(button => button.addEventListener('click', () => {
  tag = tag === button.dataset.filter ? '' : button.dataset.filter;
  show();
  if (tag) table.scrollIntoView({behavior: 'smooth', block: 'start'});
}));
document.addEventListener('keydown', event => {
  if (event.key === '/' && document.activeElement !== search) { event.preventDefault(); search.focus(); }
  if (event.key === 'Escape') clear.click();
});

const heads = [...table.tHead.rows[0].cells];
heads.forEach((head, column) => head.firstElementChild.addEventListener('click', () => {
  const up = head.getAttribute('aria-sort') !== 'ascending';
  heads.forEach(other => other.removeAttribute('aria-sort'));
  head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const compare = (x, y) => {
    if (x === '' || y === '') return (x === '') - (y === '');
    const nx = Number(x), ny = Number(y);
    const order = isNaN(nx) || isNaN(ny) ? x.localeCompare(y, 'ko') : nx - ny;
    return up ? order : -order;
  };
  rows.sort((a, b) => compare(value(a), value(b))).forEach(row => table.tBodies[0].append(row));
}));
