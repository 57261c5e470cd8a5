#!/usr/bin/env node
// Makes the orders of this example: `node make-orders.mjs > orders.jsonl`. The seed is fixed, so that it makes the same
// ones every time, on every machine (a test compares them).

import { fileURLToPath } from 'node:url'

const ORDERS = 1200
const FIRST_PLACED_AT = Date.UTC(2026, 2, 2, 8, 0, 0)

const CATALOG = [
  ['MUG-350', 'Stoneware mug, 350 ml', 1450],
  ['TEA-SEN-100', 'Sencha, 100 g', 1190],
  ['TEA-EGY-100', 'Earl Grey, 100 g', 980],
  ['POT-CAST-08', 'Cast iron teapot, 0.8 l', 6900],
  ['KET-GOO-10', 'Gooseneck kettle, 1 l', 8900],
  ['GRI-HAND', 'Hand grinder', 7400],
  ['FIL-V60-100', 'Paper filters, pack of 100', 690],
  ['DRI-V60-02', 'Ceramic dripper', 2450],
  ['COF-ETH-250', 'Ethiopia Guji, 250 g', 1390],
  ['COF-COL-250', 'Colombia Huila, 250 g', 1290],
  ['COF-DEC-250', 'Decaf Mexico, 250 g', 1340],
  ['COF-ESP-1000', 'House espresso, 1 kg', 3390],
  ['SCA-01', 'Brewing scale, 0.1 g', 4900],
  ['CAR-GLA-06', 'Glass server, 0.6 l', 2650],
  ['PRE-AERO', 'Travel press', 3990],
  ['FRE-100', 'French press, 1 l', 3450],
  ['MAT-CER-30', 'Ceremonial matcha, 30 g', 2790],
  ['WHI-BAM', 'Bamboo whisk', 1890],
  ['BOT-STE-05', 'Insulated bottle, 0.5 l', 2990],
  ['TOW-LIN', 'Linen tea towel', 1250],
  ['GIF-025', 'Gift card', 2500],
  ['SUB-3M', 'Coffee subscription, 3 months', 5400],
]

// [share of a hundred, country, currency, cities with postal codes, streets]
const MARKETS = [
  [46, 'US', 'USD', [['Portland, OR', '97205'], ['Austin, TX', '78704'], ['Brooklyn, NY', '11215'], ['Denver, CO', '80206'], ['Madison, WI', '53703']], ['Maple Street', 'Alder Avenue', 'Hawthorne Boulevard', 'Lake Drive']],
  [18, 'DE', 'EUR', [['Berlin', '10435'], ['Hamburg', '20357'], ['Leipzig', '04109'], ['München', '80799']], ['Lindenstraße', 'Gartenweg', 'Schillerstraße', 'Am Markt']],
  [14, 'NL', 'EUR', [['Amsterdam', '1013 GZ'], ['Utrecht', '3512 JC'], ['Rotterdam', '3012 CN']], ['Prinsengracht', 'Nieuwstraat', 'Kerkweg']],
  [14, 'GB', 'GBP', [['London', 'E8 3PH'], ['Bristol', 'BS1 4DJ'], ['Leeds', 'LS1 6AG']], ['Church Road', 'Victoria Street', 'Mill Lane']],
  [8, 'FR', 'EUR', [['Paris', '75011'], ['Lyon', '69002'], ['Nantes', '44000']], ['rue des Lilas', 'rue Voltaire', 'quai de la Fosse']],
]

const FIRST_NAMES = ['Ada', 'Ben', 'Chloé', 'Daan', 'Elif', 'Farid', 'Grace', 'Hana', 'Ivo', 'Jürgen', 'Kofi', 'Lena', 'Mateo', 'Noor', 'Olga', 'Priya', 'Quinn', 'Rosa', 'Sven', 'Thuy', 'Uma', 'Viktor', 'Wen', 'Yara', 'Zoë']
const LAST_NAMES = ['Almeida', 'Bakker', 'Carter', 'Dubois', 'Eriksen', 'Fischer', 'García', 'Hughes', 'Ito', 'Jansen', 'Kowalski', 'Lopez', 'Müller', 'Nguyen', 'O’Brien', 'Patel', 'Rossi', 'Schmidt', 'Torres', 'Walker']
const BRANDS = [[55, 'visa', '4242'], [30, 'mastercard', '4444'], [15, 'amex', '0005']]

/** All orders, oldest first. */
export function makeOrders(count = ORDERS) {
  const random = mulberry32(20260302)
  const orders = []
  let placedAt = FIRST_PLACED_AT
  for (let n = 0; n < count; n++) {
    placedAt += Math.floor(-Math.log(1 - random()) * 45_000)
    orders.push(makeOrder(`ord_${100_001 + n}`, placedAt, random))
  }
  return orders
}

function makeOrder(orderId, placedAt, random) {
  const pick = (list) => list[Math.floor(random() * list.length)]
  const customer = Math.floor(random() ** 2 * 900)
  const name = `${FIRST_NAMES[customer % FIRST_NAMES.length]} ${LAST_NAMES[Math.floor(customer / FIRST_NAMES.length) % LAST_NAMES.length]}`
  const [, country, currency, cities, streets] = weighted(MARKETS, random)
  const [city, postalCode] = pick(cities)
  const method = random() < 0.2 ? 'express' : 'standard'
  const [, brand, last4] = weighted(BRANDS, random)
  const declined = random() < 0.03
  return {
    orderId,
    customerId: `cus_${1000 + customer}`,
    placedAt: new Date(placedAt).toISOString(),
    email: `${plain(name)}@example.com`,
    currency,
    items: makeItems(pick, random),
    shipping: {
      name,
      line1: country === 'US' || country === 'GB' ? `${number(random)} ${pick(streets)}` : `${pick(streets)} ${number(random)}`,
      city,
      postalCode,
      country,
      method,
      price: method === 'express' ? 1490 : 490,
    },
    // As with a real provider, the shop holds a token and never the card itself.
    card: { token: `tok_${declined ? 'declined_' : ''}${hex(random)}`, brand, last4: declined ? '0002' : last4 },
  }
}

function makeItems(pick, random) {
  const items = new Map()
  for (let left = 1 + Math.floor(random() ** 2 * 5); left > 0; left--) {
    const [sku, name, price] = pick(CATALOG)
    const qty = (items.get(sku)?.qty ?? 0) + (random() < 0.8 ? 1 : 2)
    items.set(sku, { sku, name, qty, price })
  }
  return [...items.values()]
}

function weighted(list, random) {
  let at = random() * 100
  return list.find(([share]) => (at -= share) < 0) ?? list[0]
}

const number = (random) => 1 + Math.floor(random() * 180)
const hex = (random) => [0, 1, 2].map(() => Math.floor(random() * 0x10000).toString(16).padStart(4, '0')).join('')
const plain = (name) => name.normalize('NFD').toLowerCase().replace(/[^a-z ]/g, '').replaceAll(' ', '.')

/** A small seeded generator: Math.random() cannot be seeded. */
function mulberry32(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const order of makeOrders()) process.stdout.write(`${JSON.stringify(order)}\n`)
}
