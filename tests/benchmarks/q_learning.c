/* Calvano et al. 2020, baseline: two providers, 15 prices, memory 1. Plain C beside the compiled loop of agents/compiled.

   The same work: greedy actions and their values are kept, a row is searched again only when its best value fell; one
   draw says whether a provider explores and what it tries; the limit cycle at the end. Usage: sessions, alpha, beta.
   Prints the periods of all sessions and the mean profit gain. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define M 15
#define S (M * M)
#define PATIENCE 100000

static double profits[S][2], values[2][S][M], best[2][S];
static int greedy[2][S];
static uint64_t word[4];

static uint64_t rotated(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static uint64_t draw(void) { /* xoshiro256++ */
    uint64_t result = rotated(word[0] + word[3], 23) + word[0], t = word[1] << 17;
    word[2] ^= word[0], word[3] ^= word[1], word[1] ^= word[2], word[0] ^= word[3], word[2] ^= t;
    word[3] = rotated(word[3], 45);
    return result;
}

static void seed(uint64_t x) { /* splitmix64 */
    for (int i = 0; i < 4; i++) {
        uint64_t z = (x += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        word[i] = z ^ (z >> 31);
    }
}

static void make_table(double nash, double joint) {
    double low = nash - 0.1 * (joint - nash), high = joint + 0.1 * (joint - nash);
    for (int a = 0; a < M; a++)
        for (int b = 0; b < M; b++) {
            double p = low + (high - low) * a / (M - 1), r = low + (high - low) * b / (M - 1);
            double u = exp((2 - p) / 0.25), v = exp((2 - r) / 0.25);
            profits[a * M + b][0] = (p - 1) * u / (1 + u + v);
            profits[a * M + b][1] = (r - 1) * v / (1 + u + v);
        }
}

static int largest(const double *row) {
    int k = 0;
    for (int a = 1; a < M; a++)
        if (row[a] > row[k]) k = a;
    return k;
}

static long session(double alpha, double beta, double delta, int *state) {
    for (int i = 0; i < 2; i++)
        for (int s = 0; s < S; s++) {
            for (int a = 0; a < M; a++) {
                double sum = 0;
                for (int b = 0; b < M; b++) sum += profits[i == 0 ? a * M + b : b * M + a][i];
                values[i][s][a] = sum / M / (1 - delta);
            }
            greedy[i][s] = largest(values[i][s]);
            best[i][s] = values[i][s][greedy[i][s]];
        }
    int s = (int)(draw() % S);
    long periods = 0, quiet = 0;
    double epsilon = 1, fading = exp(-beta);
    while (quiet < PATIENCE) {
        uint64_t random = draw(), bound = (uint64_t)(epsilon * 4294967296.0 + 0.5);
        int action[2];
        for (int i = 0; i < 2; i++) {
            uint64_t own = i ? random >> 32 : random & 0xffffffffu;
            action[i] = own < bound ? (int)(own * M / bound) : greedy[i][s];
        }
        int following = action[0] * M + action[1], changed = 0;
        for (int i = 0; i < 2; i++) {
            int a = action[i];
            double *row = values[i][s], old = row[a];
            row[a] = old + alpha * (profits[following][i] + delta * best[i][following] - old);
            if (a == greedy[i][s]) {
                best[i][s] = row[a];
                if (row[a] < old) {
                    greedy[i][s] = largest(row);
                    best[i][s] = row[greedy[i][s]];
                    changed |= greedy[i][s] != a;
                }
            } else if (row[a] > best[i][s]) {
                greedy[i][s] = a, best[i][s] = row[a], changed = 1;
            }
        }
        s = following, epsilon *= fading, periods++;
        quiet = changed ? 0 : quiet + 1;
    }
    *state = s;
    return periods;
}

static double gain(int s, double nash, double joint) {
    int place[S], path[S], length = 0;
    memset(place, -1, sizeof place);
    while (place[s] < 0) {
        place[s] = length, path[length++] = s;
        s = greedy[0][s] * M + greedy[1][s];
    }
    double sum = 0;
    for (int k = place[s]; k < length; k++) {
        int played = greedy[0][path[k]] * M + greedy[1][path[k]];
        sum += (profits[played][0] + profits[played][1]) / 2;
    }
    return (sum / (length - place[s]) - nash) / (joint - nash);
}

int main(int count, char **words) {
    if (count != 4) return fprintf(stderr, "usage: %s sessions alpha beta\n", words[0]), 2;
    int sessions = atoi(words[1]), state;
    double sum = 0;
    long periods = 0;
    make_table(1.47293, 1.92498);
    for (int run = 0; run < sessions; run++) {
        seed((uint64_t)run);
        periods += session(atof(words[2]), atof(words[3]), 0.95, &state);
        sum += gain(state, 0.22293, 0.33749);
    }
    printf("%ld %.4f\n", periods, sum / sessions);
    return 0;
}
